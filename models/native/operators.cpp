// The operators' names and schemas.
#include "operators.h"

#include <torch/library.h>

namespace sudormrf {

TORCH_LIBRARY(sudormrf, m) {
  m.def(
      "blocks(Tensor features, Tensor[] parameters, int n_blocks, int depth, str variant,"
      " bool is_global, Tensor[] packed) -> Tensor");
  m.def(
      "block_to_train(Tensor features, Tensor[] parameters, int depth, str variant,"
      " bool is_global) -> (Tensor, Tensor, Tensor, Tensor)");
  m.def(
      "block_backward(Tensor gradient, Tensor features, Tensor[] saved, Tensor[] parameters,"
      " int depth, str variant, bool is_global) -> (Tensor, Tensor[])");
  m.def(
      "causal_block(Tensor features, Tensor[] parameters, Tensor[] past, int depth, str variant)"
      " -> (Tensor, Tensor[])");
  m.def("pack(Tensor weight) -> Tensor");
  m.def("multiply(Tensor features, Tensor panels, int n_out) -> Tensor");
  m.def(
      "normalise_and_multiply(Tensor features, Tensor gain, Tensor bias, bool is_global,"
      " Tensor panels, int n_out) -> Tensor");
  m.def(
      "decode(Tensor features, Tensor[] masks, str activation, Tensor[] decoders, Tensor? bias,"
      " int n_src, int kernel_size, int stride, int n_cut, int n_samples) -> Tensor");
}

TORCH_LIBRARY_IMPL(sudormrf, CPU, m) {
  m.impl("blocks", blocks);
  m.impl("block_to_train", block_to_train);
  m.impl("block_backward", backward);
  m.impl("causal_block", causal_block);
  m.impl("pack", pack);
  m.impl("multiply", multiply);
  m.impl("normalise_and_multiply", normalise_and_multiply);
  m.impl("decode", decode);
}

}  // namespace sudormrf
