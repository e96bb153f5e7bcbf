"""RIO memory_mask_rcnn_R_101_FPN_1x on v1."""

_base_ = ['../baseline/mask-rcnn_r101-caffe_fpn_ce_rfs-stochastic-ms-180k_lvis-v1.py', '../_base_/methods/rio.py']
model = dict(roi_head=dict(bbox_head=_base_.method))
# resamples the same images, and says which classes are replayed
train_dataloader = dict(dataset=dict(type='RIODataset'))
