// The operators of this extension as functions.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <tuple>
#include <vector>

namespace sudormrf {

// The output, and what backward needs beside the input: the expanded features, [batch, tiles,
// frames, channels of a tile], the contracted ones (products without their biases), and the norms'
// statistics.
using Saved = std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor>;

Saved block_to_train(const at::Tensor& features, at::TensorList parameters, int64_t depth,
                     c10::string_view variant, bool is_global);

// One block of equal shape behind another. `packed` are each one's parameters as they are read: the
// weights of its two products as `pack` gives them and the taps [levels, taps, n_hid]; or nothing.
at::Tensor blocks(const at::Tensor& features, at::TensorList parameters, int64_t n_blocks,
                  int64_t depth, c10::string_view variant, bool is_global, at::TensorList packed);

// A point-wise convolution's weight [n_out, n_in, 1] as products read it, [panels, n_in, width].
at::Tensor pack(const at::Tensor& weight);

// Features [batch, frames, n_in] times packed weights: [batch, frames, n_out].
at::Tensor multiply(const at::Tensor& features, const at::Tensor& panels, int64_t n_out);

// The gradients of features and parameters; `saved` is what forward returned after its output.
std::tuple<at::Tensor, std::vector<at::Tensor>> backward(
    const at::Tensor& gradient, const at::Tensor& features, at::TensorList saved,
    at::TensorList parameters, int64_t depth, c10::string_view variant, bool is_global);

// A causal block's output, and what comes before each level's next frames, [batch, n_hid, frames
// of a window but one]: like `past`, which is empty where nothing came before and nothing follows.
std::tuple<at::Tensor, std::vector<at::Tensor>> causal_block(const at::Tensor& features,
                                                             at::TensorList parameters,
                                                             at::TensorList past, int64_t depth,
                                                             c10::string_view variant);

// The same of features that are normalised first.
at::Tensor normalise_and_multiply(const at::Tensor& features, const at::Tensor& gain,
                                  const at::Tensor& bias, bool is_global,
                                  const at::Tensor& panels, int64_t n_out);

// From features [batch, frames, n_in] to estimates [batch, n_src, n_samples]. `masks` are the mask
// head's packed weights, its bias [n_src * n_filters] and the encoded mixture [batch, frames,
// n_filters]; nothing where the features are masked already. `decoders` are packed, one for each
// group of sources. Frames lie `stride` samples apart; of the first, `n_cut` are cut off.
at::Tensor decode(const at::Tensor& features, at::TensorList masks, c10::string_view activation,
                  at::TensorList decoders, const std::optional<at::Tensor>& bias, int64_t n_src,
                  int64_t kernel_size, int64_t stride, int64_t n_cut, int64_t n_samples);

}  // namespace sudormrf
