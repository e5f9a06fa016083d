// The operators' names and schemas.
#include "operators.h"

#include <torch/library.h>

namespace sudormrf {
namespace {

at::Tensor blocks(const at::Tensor& features, at::TensorList parameters, int64_t n_blocks,
                  int64_t depth, c10::string_view variant, bool is_global,
                  at::TensorList panels) {
  TORCH_CHECK(n_blocks > 0 && parameters.size() % n_blocks == 0, parameters.size(),
              " parameters are not those of ", n_blocks, " blocks");
  const auto part = [&](at::TensorList of_all, int64_t i) {
    const int64_t size = of_all.size() / n_blocks;
    return of_all.slice(i * size, size);
  };
  at::Tensor out = features;
  for (int64_t i = 0; i < n_blocks; i++) {
    out = std::get<0>(forward(out, part(parameters, i), depth, variant, is_global,
                              part(panels, i), false));
  }
  return out;
}

Saved block_to_train(const at::Tensor& features, at::TensorList parameters, int64_t depth,
                     c10::string_view variant, bool is_global) {
  return forward(features, parameters, depth, variant, is_global, {}, true);
}

}  // namespace

TORCH_LIBRARY(sudormrf, m) {
  m.def(
      "blocks(Tensor features, Tensor[] parameters, int n_blocks, int depth, str variant,"
      " bool is_global, Tensor[] panels) -> Tensor");
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
  m.def("apply_masks(Tensor(a!) latent, Tensor bias, Tensor encoded, str activation) -> ()");
  m.def("normalise(Tensor features, Tensor gain, Tensor bias, bool is_global) -> Tensor");
}

TORCH_LIBRARY_IMPL(sudormrf, CPU, m) {
  m.impl("blocks", blocks);
  m.impl("block_to_train", block_to_train);
  m.impl("block_backward", backward);
  m.impl("causal_block", causal_block);
  m.impl("pack", pack);
  m.impl("multiply", multiply);
  m.impl("apply_masks", apply_masks);
  m.impl("normalise", normalise);
}

}  // namespace sudormrf
