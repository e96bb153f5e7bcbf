"""The methods themselves, as functions of tensors: `losses` the equations, `kernels` the fast path, `ops` the rest."""
