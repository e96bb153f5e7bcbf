"""What mmdet 3.3 and its fork spell in two ways."""

from mmdet.models.layers import NormedLinear

TEMPERATURE = 'tempearture' if hasattr(NormedLinear(1, 1), 'tempearture') else 'temperature'
