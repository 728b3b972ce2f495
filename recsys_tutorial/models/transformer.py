"""Causal self-attention over a user's films in order."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import skip_init

from recsys_tutorial.models.sequences import PADDING, SequenceModel


class SequenceTransformer(SequenceModel):
    r"""Causal self-attention: in each layer every place looks at all places up to its own.

    $x_t = \sqrt{d}\, q_{i_t} + e_t$; in each layer $x \leftarrow x + attention(norm(x))$ and
    $x \leftarrow x + W_2\, relu(W_1\, norm(x))$; $h_t = norm(x_t)$; $s_i = h_t \cdot q_i + b_i$

    It reads films, not their ratings.

    Args:
        layers, heads: Attention layers; each has `heads` parts of dim / heads numbers.

    Attributes:
        positions: e, (length, dim), one for each place in the window, counted from its start.

    Kang and McAuley 2018, "Self-attentive sequential recommendation".
    """

    fit_defaults: ClassVar[dict[str, Any]] = {"epochs": 20, "lr": 0.005, "batch_size": 2048}
    least: ClassVar = {"dim": 1, "length": 1, "layers": 1, "heads": 1}

    def __init__(
        self,
        n_users: int,
        n_items: int,
        dim: int = 64,
        length: int = 50,
        layers: int = 2,
        heads: int = 2,
        dropout: float = 0.3,
        seed: int = 0,
    ) -> None:
        super().__init__(n_users, n_items, dim, length, dropout, seed)
        if dim % heads:
            raise ValueError(f"dim={dim} must be a multiple of heads={heads}")
        self.layers, self.heads = layers, heads
        self.positions = self.random_table(length, dim)
        blocks = [_Block(dim, heads, self.generator) for _ in range(layers)]
        self.blocks: Any = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(dim)

    def states(self, history: Tensor, rating: Tensor) -> Tensor:
        q = self.rows(self.item_factors, history.clamp(min=0))  # (B, L, dim)
        real = (history != PADDING).unsqueeze(-1)
        x = (q * math.sqrt(self.dim) + self.positions[: history.shape[1]]) * real
        x = self.drop(x)
        for block in self.blocks:
            x = x + self.drop(block.attention(x))
            x = x + self.drop(block.mlp(x))
        return self.norm(x)


class _Block(nn.Module):
    """One layer: each place looks at earlier ones, then an MLP changes each place by itself."""

    def __init__(self, dim: int, heads: int, generator: torch.Generator) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention, self.norm_mlp = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv = skip_init(nn.Linear, dim, 3 * dim)
        self.out = skip_init(nn.Linear, dim, dim)
        self.up = skip_init(nn.Linear, dim, 2 * dim)
        self.down = skip_init(nn.Linear, 2 * dim, dim)
        for layer in (self.qkv, self.out, self.up, self.down):
            nn.init.zeros_(layer.bias)
            nn.init.normal_(layer.weight, std=layer.in_features**-0.5, generator=generator)

    def attention(self, x: Tensor) -> Tensor:
        """(B, L, dim) -> (B, L, dim). Padding comes after all items, so no item looks at it."""
        parts = self.qkv(self.norm_attention(x)).chunk(3, dim=-1)
        query, key, value = (p.unflatten(-1, (self.heads, -1)).transpose(1, 2) for p in parts)
        seen = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.out(seen.transpose(1, 2).flatten(2))

    def mlp(self, x: Tensor) -> Tensor:
        """(B, L, dim) -> (B, L, dim), each place by itself."""
        return self.down(F.relu(self.up(self.norm_mlp(x))))
