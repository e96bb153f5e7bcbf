_base_ = 'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py'

# your data: any COCO file; names and numbers of the classes are read from it
num_classes = 6
own = dict(type='LVISDataset', data_root='data/own/', data_prefix=dict(img='images/'))
train_dataloader = dict(dataset=dict(ann_file='train.json', **own))
val_dataloader = dict(dataset=dict(ann_file='val.json', **own))
test_dataloader = val_dataloader
counts = dict(class_statistics='data/own/train.json')  # which classes are rare
val_evaluator = dict(_delete_=True, type='FastLVISMetric', ann_file='data/own/val.json', metric='bbox', **counts)
test_evaluator = val_evaluator

# longtail_det in three lines: its names, one of its losses in the head, class counts for the losses that want them
custom_imports = dict(imports=['longtail_det'], allow_failed_imports=False)
head = dict(num_classes=num_classes, loss_cls=dict(_delete_=True, type='SeesawLoss', num_classes=num_classes))
custom_hooks = [dict(type='ClassStatisticsHook')]

model = dict(roi_head=dict(bbox_head=head))
