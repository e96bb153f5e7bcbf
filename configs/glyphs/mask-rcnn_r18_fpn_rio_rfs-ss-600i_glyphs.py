_base_ = './mask-rcnn_r18_fpn_ce_rfs-ss-600i_glyphs.py'
model = dict(
    roi_head=dict(
        # keeps the arguments of the baseline's head; bank and replay have the paper's sizes by default
        bbox_head=dict(type='RIOBBoxHead', cls_predictor_cfg=dict(type='CosineLinear', temperature=48.0))
    )
)
# repeats the same images, and says which classes are replayed
train_dataloader = dict(dataset=dict(type='RIODataset'))
