"""GPT-2, Llama and BERT as the built-in engine has them, with a leading dimension R: R models of one shape at once.

Shapes: R lanes, B sequences, T positions, M = B T rows, C width, H heads, d head width, F inner width, V vocabulary.
A model's parameters are views (R, rows, columns) into one array (R, P); every product is a batched one over R. Linear
weights are (in, out) in GPT-2 and (out, in) in the others, as their checkpoints keep them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

Weights = Sequence[Tensor | None]


@dataclass(frozen=True)
class Shape:
    """The model of a run.json with every size stated, and the types to compute in."""

    arch: str
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    width: int
    mlp: int
    context: int
    vocab: int
    tied: bool
    recompute: bool
    norm_eps: float
    rope_theta: float
    rope_scaling: str
    rope_factor: float
    rope_low: float
    rope_high: float
    rope_original: int
    qkv_bias: bool
    out_bias: bool
    mlp_bias: bool
    qk_norm: str
    norm_after: bool
    dtype: torch.dtype = torch.float32  # of products; parameters, norms, softmax and loss stay fp32
    stream: torch.dtype = torch.float32  # of the residual stream

    @property
    def masked(self) -> bool:
        """Trained on masked tokens, with attention in both directions."""
        return self.arch == "bert"


# ---- parts ------------------------------------------------------------------------------------------------------


def linear(x: Tensor, w: Tensor, b: Tensor | None, out_in: bool) -> Tensor:
    """x (R,M,K) times w (R,K,N), or (R,N,K) where out_in, plus b (R,N)."""
    w = w.to(x.dtype)
    if out_in:
        w = w.transpose(1, 2)
    y = torch.mm(x[0], w[0]).unsqueeze(0) if x.shape[0] == 1 else torch.bmm(x, w)
    return y if b is None else y + b.to(x.dtype).unsqueeze(1)


def layer_norm(x: Tensor, gain: Tensor, bias: Tensor, eps: float, to: torch.dtype) -> Tensor:
    """x (R,M,C), gain and bias (R,C)."""
    y = F.layer_norm(x.float(), x.shape[-1:], eps=eps)
    return (y * gain.unsqueeze(1) + bias.unsqueeze(1)).to(to)


def rms_norm(x: Tensor, gain: Tensor, eps: float, to: torch.dtype) -> Tensor:
    """x (R,...,n), gain (R,n)."""
    x = x.float()
    y = x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps)
    return (y * gain.view(gain.shape[0], *([1] * (x.dim() - 2)), -1)).to(to)


def attention(s: Shape, q: Tensor, k: Tensor, v: Tensor, keep: Tensor | None) -> Tensor:
    """q (N,H,T,d), k and v (N,Hkv,T,d) with N = R B; out (N,T,H d). keep (N,1,1,T): keys that are no padding."""
    out = F.scaled_dot_product_attention(
        q, k, v, attn_mask=keep, is_causal=not s.masked, enable_gqa=s.kv_heads != s.heads
    )
    return out.transpose(1, 2).reshape(q.shape[0], q.shape[2], s.heads * s.head_dim)


def heads_of(x: Tensor, rows: int, n: int, d: int) -> Tensor:
    """(R,M,n d) to (R B, n, T, d) where B T = M."""
    r, m, _ = x.shape
    return x.reshape(r * (m // rows), rows, n, d).transpose(1, 2)


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """x (N,n,T,d); cosine and sine (T,d/2): pairs (i, i + d/2) are turned."""
    a, b = x.float().chunk(2, -1)
    return torch.cat((a * cosine - b * sine, b * cosine + a * sine), -1).to(x.dtype)


def rope_tables(s: Shape, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosines and sines (T, d/2). Frequencies and angles are rounded to float where transformers rounds them."""
    half = s.head_dim // 2
    f = torch.tensor([s.rope_theta ** (-i / half) for i in range(half)], dtype=torch.float64).float().double()
    if s.rope_scaling == "linear":
        f = f / s.rope_factor
    if s.rope_scaling == "llama3":
        wave = 2 * math.pi / f
        blend = (s.rope_original / wave - s.rope_low) / (s.rope_high - s.rope_low)
        slowed = (1 - blend) * f / s.rope_factor + blend * f
        slowed = torch.where(wave > s.rope_original / s.rope_low, f / s.rope_factor, slowed)
        f = torch.where(wave < s.rope_original / s.rope_high, f, slowed)
    angles = (torch.arange(s.context).float().unsqueeze(1) * f.float()).double()
    return angles.cos().float().to(device), angles.sin().float().to(device)


# ---- blocks: x (R,M,C) to (R,M,C) ----------------------------------------------------------------------------------


def gpt2_block(s: Shape, t: int, x: Tensor, w: Weights, tables: Weights, keep: Tensor | None) -> Tensor:
    ln1, ln1_b, qkv, qkv_b, proj, proj_b, ln2, ln2_b, fc, fc_b, out, out_b = w
    y = linear(layer_norm(x, ln1, ln1_b, s.norm_eps, s.dtype), qkv, qkv_b, False)
    q, k, v = (heads_of(part, t, s.heads, s.head_dim) for part in y.chunk(3, -1))
    x = x + linear(attention(s, q, k, v, keep).view(*x.shape[:2], -1), proj, proj_b, False)
    y = linear(layer_norm(x, ln2, ln2_b, s.norm_eps, s.dtype), fc, fc_b, False)
    return x + linear(F.gelu(y, approximate="tanh"), out, out_b, False)


def bert_block(s: Shape, t: int, x: Tensor, w: Weights, tables: Weights, keep: Tensor | None) -> Tensor:
    qkv, qkv_b, proj, proj_b, ln1, ln1_b, fc, fc_b, out, out_b, ln2, ln2_b = w
    y = linear(x.to(s.dtype), qkv, qkv_b, True)
    q, k, v = (heads_of(part, t, s.heads, s.head_dim) for part in y.chunk(3, -1))
    y = x + linear(attention(s, q, k, v, keep).view(*x.shape[:2], -1), proj, proj_b, True)
    x = layer_norm(y, ln1, ln1_b, s.norm_eps, s.stream)
    y = x + linear(F.gelu(linear(x.to(s.dtype), fc, fc_b, True)), out, out_b, True)
    return layer_norm(y, ln2, ln2_b, s.norm_eps, s.stream)


def llama_block(s: Shape, t: int, x: Tensor, w: Weights, tables: Weights, keep: Tensor | None) -> Tensor:
    norm1, qkv, qkv_b, proj, proj_b, q_norm, k_norm, norm2, gate_up, gate_up_b, down, down_b = w
    wide, narrow, full = s.heads * s.head_dim, s.kv_heads * s.head_dim, s.qk_norm == "full"
    cosine, sine = tables[0][:t], tables[1][:t]
    y = x.to(s.dtype) if s.norm_after else rms_norm(x, norm1, s.norm_eps, s.dtype)
    q, k, v = linear(y, qkv, qkv_b, True).split((wide, narrow, narrow), -1)
    if full:
        q, k = rms_norm(q, q_norm, s.norm_eps, s.dtype), rms_norm(k, k_norm, s.norm_eps, s.dtype)
    if s.qk_norm == "head":
        q = rms_norm(q.unflatten(-1, (s.heads, -1)), q_norm, s.norm_eps, s.dtype).flatten(-2)
        k = rms_norm(k.unflatten(-1, (s.kv_heads, -1)), k_norm, s.norm_eps, s.dtype).flatten(-2)
    q = rotate(heads_of(q, t, s.heads, s.head_dim), cosine, sine)
    k = rotate(heads_of(k, t, s.kv_heads, s.head_dim), cosine, sine)
    y = attention(s, q, k, heads_of(v, t, s.kv_heads, s.head_dim), keep)
    y = linear(y.view(*x.shape[:2], -1), proj, proj_b, True)
    x = x + (rms_norm(y, norm1, s.norm_eps, s.stream) if s.norm_after else y)
    y = x.to(s.dtype) if s.norm_after else rms_norm(x, norm2, s.norm_eps, s.dtype)
    gate, up = linear(y, gate_up, gate_up_b, True).chunk(2, -1)
    y = linear(F.silu(gate) * up, down, down_b, True)
    return x + (rms_norm(y, norm2, s.norm_eps, s.stream) if s.norm_after else y)


def embed(tables: Weights, ids: Tensor, to: torch.dtype) -> Tensor:
    """Rows of tables[0] (R,V,C) at ids (R,B,T), plus the positions tables[1] (R,T',C) and segment 0 of tables[2]."""
    r, b, t = ids.shape
    width = tables[0].shape[-1]
    x = torch.gather(tables[0], 1, ids.view(r, b * t, 1).expand(-1, -1, width)).view(r, b, t, width)
    if len(tables) > 2:
        x = x + tables[2][:, 0].view(r, 1, 1, width)
    if len(tables) > 1:
        x = x + tables[1][:, :t].unsqueeze(1)
    return x.view(r, b * t, width).to(to)


def bert_transform(s: Shape, x: Tensor, w: Weights) -> Tensor:
    """The masked-LM head's dense layer of the hidden rows (R,K,C)."""
    dense, dense_b, gain, bias = w
    return layer_norm(F.gelu(linear(x.to(s.dtype), dense, dense_b, True)), gain, bias, s.norm_eps, s.dtype)


# ---- head and loss -------------------------------------------------------------------------------------------------


def head_chunk(
    h: Tensor, w: Tensor, b: Tensor | None, targets: Tensor, scale: Tensor | None, vocab: int
) -> tuple[Tensor, Tensor | None]:
    """-log p of the targets (R,m), 0 where a target is -1, and where there is a scale (R,) the logits' gradient times
    it, (R,m,V'). h (R,m,C), w (R,V',C): rows from vocab on are padding."""
    logits = torch.bmm(h, w.transpose(1, 2)).float()
    if w.shape[1] != vocab:
        logits = logits.masked_fill(torch.arange(w.shape[1], device=h.device) >= vocab, -torch.inf)
    if b is not None:
        logits = logits + F.pad(b, (0, w.shape[1] - vocab)).unsqueeze(1)
    top = logits.amax(-1, keepdim=True)
    e = torch.exp(logits - top)
    total = e.sum(-1, keepdim=True)
    counted = targets >= 0
    at = targets.clamp(min=0).unsqueeze(-1)
    nll = (total.log() + top - logits.gather(-1, at)).squeeze(-1)
    nll = torch.where(counted, nll, torch.zeros_like(nll))
    if scale is None:
        return nll, None
    hit = torch.arange(logits.shape[-1], device=h.device) == at
    factor = (counted * scale.unsqueeze(1)).unsqueeze(-1)
    return nll, ((e / total - hit.to(e.dtype)) * factor).to(h.dtype)


def padded(w: Tensor, dtype: torch.dtype) -> Tensor:
    """w (R,V,C) in the type of products, V rounded up where the card's fast products need it."""
    if dtype == torch.float32 or w.shape[1] % 64 == 0:
        return w.to(dtype)
    return F.pad(w.to(dtype), (0, 0, 0, -w.shape[1] % 64))


class _Head(torch.autograd.Function):
    """Loss and gradients of the output layer, chunk by chunk: the logits of a batch are never held whole."""

    @staticmethod
    def forward(
        ctx: Any, h: Tensor, w: Tensor, b: Tensor | None, targets: Tensor, scale: Tensor, chunk: int, fn: Callable
    ) -> Tensor:
        cast, vocab = padded(w, h.dtype), w.shape[1]
        dh, dw = torch.empty_like(h), torch.zeros_like(w, memory_format=torch.contiguous_format)
        db = None if b is None else torch.zeros_like(b, memory_format=torch.contiguous_format)
        losses = []
        for at in range(0, h.shape[1], chunk):
            part = h[:, at : at + chunk]
            nll, d = fn(part, cast, b, targets[:, at : at + chunk], scale, vocab)
            losses.append(nll)
            dh[:, at : at + chunk] = torch.bmm(d, cast)
            if h.dtype == torch.float32:
                dw.baddbmm_(d.transpose(1, 2), part)
            else:
                dw += torch.bmm(d.transpose(1, 2), part)[:, :vocab]
            if db is not None:
                db += d[..., :vocab].sum(1, dtype=db.dtype)
        ctx.save_for_backward(dh, dw, *(() if db is None else (db,)))
        return torch.cat(losses, 1).sum(1, dtype=torch.float64)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients were scaled as they were made: `grad` is that of a plain sum, 1."""
        dh, dw, *rest = ctx.saved_tensors
        return dh, dw, rest[0] if rest else None, None, None, None, None


# ---- parameters ----------------------------------------------------------------------------------------------------

_GPT2 = ("ln_1.weight", "ln_1.bias", "attn.c_attn.weight", "attn.c_attn.bias", "attn.c_proj.weight", "attn.c_proj.bias",
         "ln_2.weight", "ln_2.bias", "mlp.c_fc.weight", "mlp.c_fc.bias", "mlp.c_proj.weight",
         "mlp.c_proj.bias")  # fmt: skip
# Several names: they stand one behind another and are read as one matrix.
_BERT = (
    tuple(f"attention.self.{n}.weight" for n in ("query", "key", "value")),
    tuple(f"attention.self.{n}.bias" for n in ("query", "key", "value")),
    "attention.output.dense.weight", "attention.output.dense.bias", "attention.output.LayerNorm.weight",
    "attention.output.LayerNorm.bias", "intermediate.dense.weight", "intermediate.dense.bias", "output.dense.weight",
    "output.dense.bias", "output.LayerNorm.weight", "output.LayerNorm.bias")  # fmt: skip


def _llama_names(after: bool) -> tuple[str | tuple[str, ...], ...]:
    first, second = (
        ("post_attention_layernorm", "post_feedforward_layernorm")
        if after
        else ("input_layernorm", "post_attention_layernorm")
    )
    qkv = [f"self_attn.{n}_proj" for n in "qkv"]
    return (
        f"{first}.weight", tuple(f"{n}.weight" for n in qkv), tuple(f"{n}.bias" for n in qkv),
        "self_attn.o_proj.weight", "self_attn.o_proj.bias", "self_attn.q_norm.weight", "self_attn.k_norm.weight",
        f"{second}.weight", ("mlp.gate_proj.weight", "mlp.up_proj.weight"), ("mlp.gate_proj.bias", "mlp.up_proj.bias"),
        "mlp.down_proj.weight", "mlp.down_proj.bias")  # fmt: skip


class Layout:
    """Where each tensor stands in the flat array of P floats, and which of them the parts of the model read."""

    def __init__(self, shape: Shape, tensors: list[dict[str, Any]]) -> None:
        self.at = {t["name"]: (t["offset"], tuple(t["shape"])) for t in tensors}
        self.decay = [(t["offset"], math.prod(t["shape"])) for t in tensors if t["decay"]]
        self.scales = [(t["offset"], math.prod(t["shape"]), t["lr_scale"]) for t in tensors if t["lr_scale"] != 1]
        a = shape.arch
        prefix, names = {
            "gpt2": ("h.", _GPT2),
            "bert": ("bert.encoder.layer.", _BERT),
            "llama": ("layers.", _llama_names(shape.norm_after)),
        }[a]
        self.blocks = [[self._named(f"{prefix}{i}.", n) for n in names] for i in range(shape.layers)]
        if a == "gpt2":
            self.embedding = [("wte.weight",), ("wpe.weight",)]
            self.final = [("ln_f.weight",), ("ln_f.bias",)]
        elif a == "llama":
            self.embedding = [("embed_tokens.weight",)]
            self.final = [("norm.weight",)]
        else:
            e, c = "bert.embeddings.", "cls.predictions.transform."
            self.embedding = [(f"{e}{n}_embeddings.weight",) for n in ("word", "position", "token_type")]
            self.embedding_norm = [(f"{e}LayerNorm.weight",), (f"{e}LayerNorm.bias",)]
            self.final = [(f"{c}{n}",) for n in ("dense.weight", "dense.bias", "LayerNorm.weight", "LayerNorm.bias")]
        output = "cls.predictions.decoder.weight" if a == "bert" else "lm_head.weight"
        self.head = self.embedding[0] if shape.tied else (output,)
        self.head_bias = ("cls.predictions.bias",) if a == "bert" else None

    def _named(self, prefix: str, names: str | tuple[str, ...]) -> tuple[str, ...] | None:
        full = tuple(prefix + n for n in ((names,) if isinstance(names, str) else names))
        return full if full[0] in self.at else None

    def groups(self) -> list[tuple[str, ...]]:
        """All matrices and vectors as the model reads them, each once."""
        found = [*self.embedding, *getattr(self, "embedding_norm", []), *self.final, self.head]
        found += [n for block in self.blocks for n in block if n]
        found += [self.head_bias] if self.head_bias else []
        return list(dict.fromkeys(found))

    def view(self, flat: Tensor, names: tuple[str, ...]) -> Tensor:
        """(R, rows, columns) or (R, n) of flat (R,P); rows of several tensors one behind another."""
        at, shape = self.at[names[0]]
        rows = sum(self.at[n][1][0] for n in names)
        n = rows * math.prod(shape[1:])
        return flat[:, at : at + n].view(flat.shape[0], rows, *shape[1:])


class Model:
    """R models of one shape over one flat array (R,P) of parameters; gradients go to another one."""

    def __init__(
        self, shape: Shape, layout: Layout, params: Tensor, grads: Tensor | None, compiled: bool, triton: bool
    ) -> None:
        self.shape, self.layout, self.compiled = shape, layout, compiled
        self.lanes = params.shape[0]
        self._w: dict[tuple[str, ...], Tensor] = {}
        for names in layout.groups():
            view = layout.view(params, names).detach()
            if grads is not None:
                view.requires_grad_()
                view.grad = layout.view(grads, names)
            self._w[names] = view
        self._tables = rope_tables(shape, params.device) if shape.arch == "llama" else ()
        block = {"gpt2": gpt2_block, "bert": bert_block, "llama": llama_block}[shape.arch]
        self._block = _compiled(block) if compiled else block
        self._embed = _compiled(embed) if compiled else embed
        self._chunk = _card_head_chunk() if triton and params.is_cuda else head_chunk
        self._norm = _compiled(self._last_norm_of(shape.arch)) if compiled else self._last_norm_of(shape.arch)

    @staticmethod
    def _last_norm_of(arch: str) -> Callable:
        return {"gpt2": _last_layer_norm, "llama": _last_rms_norm, "bert": bert_transform}[arch]

    def _get(self, names: Sequence[tuple[str, ...] | None]) -> tuple[Tensor | None, ...]:
        return tuple(self._w[n] if n else None for n in names)

    def hidden(self, ids: Tensor, keep: Tensor | None = None) -> Tensor:
        """ids (R,B,T) to the residual stream behind the last block, (R, B T, C). keep (R,B,T): no padding (BERT)."""
        s, lay = self.shape, self.layout
        r, b, t = ids.shape
        x = self._embed(self._get(lay.embedding), ids, torch.float32 if s.masked else s.stream)
        if s.masked:
            x = layer_norm(x, *self._get(lay.embedding_norm), s.norm_eps, s.stream)
        if keep is not None:
            keep = keep.view(r * b, 1, 1, t)
        for names in lay.blocks:
            weights = self._get(names)
            if s.recompute and x.requires_grad:
                x = checkpoint(self._block, s, t, x, weights, self._tables, keep, use_reentrant=False)
            else:
                x = self._block(s, t, x, weights, self._tables, keep)
        return x

    def last(self, x: Tensor) -> Tensor:
        """What the output layer reads: the final norm of (R,K,C), of BERT the masked-LM transform."""
        return self._norm(self.shape, x, self._get(self.layout.final))

    def chunk(self, rows: int) -> int:
        """Rows of each lane whose logits are held at once, of so many: half a GB of logits, in equal parts."""
        most = max(8, int(512e6 / (self.lanes * self.shape.vocab * self.shape.dtype.itemsize)))
        parts = -(-rows // most)
        return -(-rows // parts)

    def backward(self, ids: Tensor, targets: Tensor, scale: Tensor, picked: Tensor | None = None) -> Tensor:
        """Add the gradient of scale (R,) times the summed loss; the sums (R,) in double. ids (R,B,T); targets (R,K)
        of all rows, or of the rows picked (R,K)."""
        x = self.hidden(ids)
        if picked is not None:
            x = torch.gather(x, 1, picked.unsqueeze(-1).expand(-1, -1, x.shape[-1]))
        lay = self.layout
        loss = _Head.apply(
            self.last(x), self._w[lay.head], self._w[lay.head_bias] if lay.head_bias else None, targets, scale,
            self.chunk(targets.shape[1]), self._chunk,
        )  # fmt: skip
        loss.sum().backward()
        return loss.detach()

    @torch.no_grad()
    def nll(self, ids: Tensor, targets: Tensor, keep: Tensor | None = None) -> Tensor:
        """-log p of the targets (R,B,T), each window's sum in double: (R,B)."""
        h = self.last(self.hidden(ids, keep))
        lay, step = self.layout, self.chunk(h.shape[1])
        w, flat = padded(self._w[lay.head], h.dtype), targets.flatten(1)
        b = self._w[lay.head_bias] if lay.head_bias else None
        parts = [self._chunk(h[:, i : i + step], w, b, flat[:, i : i + step], None, self.shape.vocab)[0]
                 for i in range(0, h.shape[1], step)]  # fmt: skip
        return torch.cat(parts, 1).view(targets.shape).sum(-1, dtype=torch.float64)


def _last_layer_norm(s: Shape, x: Tensor, w: Weights) -> Tensor:
    return layer_norm(x, w[0], w[1], s.norm_eps, s.dtype)


def _last_rms_norm(s: Shape, x: Tensor, w: Weights) -> Tensor:
    return rms_norm(x, w[0], s.norm_eps, s.dtype)


def _card_head_chunk() -> Callable:
    from .kernels import head_chunk as fused  # Triton is there where parts are compiled

    return fused


_cache: dict[Callable, Callable] = {}


def _compiled(fn: Callable) -> Callable:
    """torch.compile of a part: a layer is compiled once, for all layers have one shape."""
    if fn not in _cache:
        # Numbers of lanes, evaluation and training are versions of their own; past the limit nothing would be compiled.
        from torch._dynamo import config

        config.recompile_limit = 64
        _cache[fn] = torch.compile(fn, dynamic=False)
    return _cache[fn]
