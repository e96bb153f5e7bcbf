"""RIO memory_mask_rcnn_X_101_32x8d_FPN_1x on v1."""

_base_ = ['../baseline/mask-rcnn_x101-32x8d_fpn_ce_rfs-stochastic-ms-180k_lvis-v1.py', '../_base_/methods/rio.py']
model = dict(roi_head=dict(bbox_head=dict(_base_.method, replay_per_class=5, bank=dict(capacity=100))))
# resamples the same images, and says which classes are replayed
train_dataloader = dict(dataset=dict(type='RIODataset'))
