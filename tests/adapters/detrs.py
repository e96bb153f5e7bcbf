"""Every model of transformers that can be adapted, as small as it can be, with random weights."""

from __future__ import annotations

import transformers

NUM_CLASSES = 5
HEADS = dict(encoder_attention_heads=2, decoder_attention_heads=2)
SIZES = dict(num_labels=NUM_CLASSES, decoder_layers=2, decoder_ffn_dim=16, num_queries=12, dropout=0.0)
LAYERS = dict(embedding_size=8, hidden_sizes=[8, 8, 16, 16], depths=[1] * 4, layer_type='basic')
PYRAMID = ['stage2', 'stage3', 'stage4']


def detr(kind, *, out_features, **options):
    backbone = transformers.ResNetConfig(**LAYERS, out_features=out_features)
    options |= dict(backbone=None, use_timm_backbone=False, use_pretrained_backbone=False)
    return build(kind, backbone, encoder_layers=1, encoder_ffn_dim=16, auxiliary_loss=True, **HEADS, **options)


def rt_detr(kind):
    backbone = transformers.RTDetrResNetConfig(**LAYERS, out_features=PYRAMID)
    encoder = dict(encoder_hidden_dim=16, encoder_in_channels=[8, 16, 16], encoder_ffn_dim=16)
    return build(kind, backbone, d_model=16, decoder_in_channels=[16] * 3, num_denoising=4, **encoder, **HEADS)


def lw_detr(kind, backbone, **options):
    heads = dict(decoder_self_attention_heads=2, decoder_cross_attention_heads=2)
    return build(kind, backbone, d_model=32, group_detr=2, **heads, **options)


def build(kind, backbone_config, **options):
    config = getattr(transformers, f'{kind}Config')(backbone_config=backbone_config, **SIZES, **options)
    return getattr(transformers, f'{kind}ForObjectDetection')(config)


def vit(kind, **options):
    sizes = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=64, patch_size=16)
    return getattr(transformers, kind)(**sizes, out_indices=[1, 2], **options)


MODELS = {
    'ConditionalDetr': lambda: detr('ConditionalDetr', out_features=['stage4'], d_model=16),
    'DFine': lambda: rt_detr('DFine'),
    'DabDetr': lambda: detr('DabDetr', out_features=['stage4'], hidden_size=16),
    'DeformableDetr': lambda: detr('DeformableDetr', out_features=PYRAMID, d_model=32, num_feature_levels=3),
    'Deimv2': lambda: rt_detr('Deimv2'),
    'LwDetr': lambda: lw_detr(
        'LwDetr',
        vit('LwDetrViTConfig', pretrain_image_size=64, window_block_indices=[0], num_windows=4),
        projector_scale_factors=[1.0],
    ),
    'RTDetr': lambda: rt_detr('RTDetr'),
    'RTDetrV2': lambda: rt_detr('RTDetrV2'),
    'RfDetr': lambda: lw_detr('RfDetr', vit('RfDetrDinov2Config', num_windows=2)),
}
# an older release has fewer
MODELS = {kind: make for kind, make in MODELS.items() if hasattr(transformers, f'{kind}Config')}
