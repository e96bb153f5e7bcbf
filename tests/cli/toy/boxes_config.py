custom_imports = {'imports': ['longtail_det', 'toy_boxes'], 'allow_failed_imports': False}
default_scope = 'mmdet'
model = {'type': 'ToyBoxes', 'num_classes': 3}
test_dataloader = {
    'batch_size': 1,
    'num_workers': 0,
    'sampler': {'type': 'DefaultSampler', 'shuffle': False},
    'dataset': {
        'type': 'LVISDataset',
        'ann_file': 'gt.json',
        'metainfo': {'classes': ('class 7', 'class 2', 'class 4')},
        'test_mode': True,
        'pipeline': [
            {'type': 'LoadImageFromFile'},
            {'type': 'PackDetInputs', 'meta_keys': ('img_id', 'img_path', 'ori_shape')},
        ],
    },
}
test_cfg = {'type': 'TestLoop'}
test_evaluator = {'type': 'FastLVISMetric', 'ann_file': 'gt.json', 'metric': ['bbox', 'segm']}
