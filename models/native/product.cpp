// Products by themselves, and of features that are normalised on the way.
#include "product.h"

#include <ATen/Dispatch.h>

#include "operators.h"
#include "passes.h"

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
  const at::Tensor out = at::empty({batch, frames, n_out}, x.options());
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "multiply", [&] {
    const Features<const scalar_t> from{x.const_data_ptr<scalar_t>(), frames, pitch, pitch};
    const Features<scalar_t> to{out.data_ptr<scalar_t>(), frames, n_out, n_out};
    Product<scalar_t>(panels, x.size(2), n_out).run_by_frames(from, nullptr, to, batch);
  });
  return out;
}

at::Tensor normalise_and_multiply(const at::Tensor& features, const at::Tensor& gain,
                                  const at::Tensor& bias, bool is_global,
                                  const at::Tensor& panels, int64_t n_out) {
  const at::Tensor x = features.contiguous();
  const Shape s{x.size(0), x.size(2), n_out, x.size(1), 0};
  const at::Tensor statistics = at::empty({1, 2, s.batch * s.n_bn}, x.options());
  const at::Tensor out = at::empty({s.batch, s.frames, n_out}, x.options());
  const std::vector<at::Tensor> parameters{gain, bias};
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "normalise_and_multiply", [&] {
    const Block<scalar_t> b{s, {}, parameters, is_global ? Norm::kGlobal : Norm::kChannel,
                            {statistics.data_ptr<scalar_t>(), statistics.size(-1)}};
    std::vector<Moments> moments(s.batch * s.n_bn);
    const Features<const scalar_t> from = narrow(s, x.const_data_ptr<scalar_t>());
    measure(from, s.batch, moments);
    b.settle(0, moments, s.n_bn, s.frames);
    const Table<scalar_t> table = b.table(s.n_bn, 0, 0, -1, -1);
    const Features<scalar_t> to{out.data_ptr<scalar_t>(), s.frames, n_out, n_out};
    Product<scalar_t>(panels, s.n_bn, n_out).run_by_frames(from, &table, to, s.batch);
  });
  return out;
}

}  // namespace sudormrf
