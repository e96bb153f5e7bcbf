"""PCB on softmax with RFS, in its iterative head of three passes (He et al., CVPR 2022)."""

_base_ = './mask-rcnn_r50_fpn_pcb_rfs-ms-2x_lvis-v1.py'
model = dict(roi_head=dict(bbox_head=dict(type='IterativeBBoxHead', pass_weights=[0.2, 0.2, 0.6])))
