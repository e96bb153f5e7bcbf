"""RIO memory_mask_rcnn_X_101_32x8d_FPN_1x."""

_base_ = ['../baseline/mask-rcnn_x101-32x8d_fpn_ce_rfs-stochastic-ms-90k_lvis-v0.5.py', '../_base_/methods/rio.py']
model = dict(roi_head=dict(bbox_head=_base_.method))
# resamples the same images, and says which classes are replayed
train_dataloader = dict(dataset=dict(type='RIODataset'))
