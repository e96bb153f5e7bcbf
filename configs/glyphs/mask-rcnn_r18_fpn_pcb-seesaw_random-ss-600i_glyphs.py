_base_ = './mask-rcnn_r18_fpn_pcb_random-ss-600i_glyphs.py'
model = dict(roi_head=dict(bbox_head=dict(loss_cls=dict(base=dict(_delete_=True, type='SeesawLoss'), alpha=0.05))))
