// Products by themselves.
#include "product.h"

#include <ATen/Dispatch.h>

#include "operators.h"

namespace sudormrf {

at::Tensor pack(const at::Tensor& weight) {
  return AT_DISPATCH_FLOATING_TYPES(weight.scalar_type(), "pack",
                                    [&] { return to_panels<scalar_t>(weight); });
}

at::Tensor multiply(const at::Tensor& features, const at::Tensor& panels, int64_t n_out) {
  const int64_t batch = features.size(0), frames = features.size(1);
  const bool is_row = features.stride(2) == 1 || features.size(2) == 1;
  const bool is_dense = batch == 1 || features.stride(0) == frames * features.stride(1);
  const at::Tensor x = is_row && is_dense ? features : features.contiguous();
  const int64_t pitch = x.stride(1);  // frames may share numbers
  TORCH_CHECK(x.size(2) == panels.size(1), "weights were packed for another product");
  const at::Tensor out = at::empty({batch, frames, n_out}, x.options());
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "multiply", [&] {
    const Features<const scalar_t> from{x.const_data_ptr<scalar_t>(), frames, pitch, pitch};
    const Features<scalar_t> to{out.data_ptr<scalar_t>(), frames, n_out, n_out};
    Product<scalar_t>(panels, n_out).run(from, nullptr, to, batch, nullptr, nullptr);
  });
  return out;
}

}  // namespace sudormrf
