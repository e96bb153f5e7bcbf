from __future__ import annotations

import math

import pytest

from longtail_det.synthetic import GlyphsConfig


@pytest.mark.parametrize(
    ('name', 'value', 'expected'),
    [
        ('num_classes', 0, 'at most 1203'),
        ('num_classes', 1204, 'at most 1203'),
        ('num_train', 0, 'at least 1'),
        ('num_val', -5, 'at least 1'),
        ('image_size', 32, 'at least 64'),
        ('max_instances', 0, '1 to 64'),
        ('max_instances', 65, '1 to 64'),
        ('val_instances', 0, 'at least 1'),
        ('repeats', 0.5, 'at least 1'),
        ('seed', -1, 'at least 0'),
        ('count_divisor', 0, 'at least 1'),
        ('zipf_exponent', 0.0, 'above 0'),
        ('zipf_exponent', math.inf, 'finite number'),
        ('zipf_exponent', math.nan, 'finite number'),
        ('head_share', 0.0, 'above 0'),
        ('head_share', 1.1, 'at most 1'),
        ('rare_share', 1.0, 'below 1'),
        ('negative_share', 1.5, 'at most 1'),
    ],
)
def test_a_number_out_of_range_is_named_with_what_it_should_be(name, value, expected):
    with pytest.raises(ValueError, match=rf'{name}={value}; expected .*{expected}') as error:
        GlyphsConfig(**{name: value})
    assert '\n' not in str(error.value)
