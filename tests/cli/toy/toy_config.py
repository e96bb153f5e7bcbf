custom_imports = {'imports': ['toy_detector'], 'allow_failed_imports': False}
num_classes = 3
model = {'type': 'ToyDetector', 'bbox_head': {'num_classes': num_classes}}
train_dataloader = {
    'batch_size': 2,
    'num_workers': 0,
    'collate_fn': {'type': 'default_collate'},
    'sampler': {'type': 'InfiniteSampler', 'shuffle': True},
    'dataset': {'type': 'ToyDataset', 'num_classes': num_classes},
}
test_dataloader = {
    'batch_size': 1,
    'num_workers': 0,
    'collate_fn': {'type': 'default_collate'},
    'sampler': {'type': 'DefaultSampler', 'shuffle': False},
    'dataset': {'type': 'ToyDataset', 'num_classes': num_classes, 'length': 5},
}
train_cfg = {'type': 'IterBasedTrainLoop', 'max_iters': 4}
test_cfg = {'type': 'TestLoop'}
test_evaluator = [{'type': 'ToyMetric'}, {'type': 'ToyCount'}]
optim_wrapper = {'type': 'OptimWrapper', 'optimizer': {'type': 'SGD', 'lr': 0.001}}
param_scheduler = [{'type': 'LinearLR', 'start_factor': 0.5, 'by_epoch': False, 'begin': 0, 'end': 4}]
default_hooks = {
    'checkpoint': {'type': 'CheckpointHook', 'by_epoch': False, 'interval': 2},
    'logger': {'type': 'LoggerHook', 'interval': 1, 'log_metric_by_epoch': False},
}
randomness = {'seed': 0}
log_processor = {'by_epoch': False}
