// The forward of a U-ConvBlock: two matrix products, and passes over channels between them.
#include <ATen/Dispatch.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include "operators.h"
#include "pyramid.h"

namespace sudormrf {

Layout layout_of(c10::string_view variant, int64_t depth) {
  const bool is_code = variant == "code", is_improved = variant == "improved";
  return {variant == "text", !is_improved, is_code, !is_improved, depth};
}

namespace {

// From the expanded features down the levels and up again: the merged features and their moments.
template <typename T>
void make_merged(const Block<T>& b, const T* expanded, T* merged, std::vector<Moments>& moments) {
  const Shape& s = b.shape;
  if (Pyramid<T>::fits(b.layout)) {
    Pyramid<T> pyramid(b);
    pyramid.descend(b.expanded(), expanded);
    pyramid.settle();
    pyramid.merge(merged, moments);
    return;
  }
  const int64_t n_features = s.batch * s.frames * s.n_hid;
  const at::Tensor space = at::empty({2 * n_features}, b.parameters[0].options());
  const std::vector<T*> levels = place_levels(s, space.data_ptr<T>());
  run_level<1>(b, 0, b.expanded(), expanded, levels[0], moments);
  b.settle(1, moments, s.n_hid, s.frames);
  std::vector<Table<T>> tables{b.level(0)};
  for (int64_t k = 1; k < s.depth; k++) {
    run_level<2>(b, k, tables.back(), levels[k - 1], levels[k], moments);
    b.settle(1 + k, moments, s.n_hid, s.length(k));
    tables.push_back(b.level(k));
  }
  Merge<T>(b, levels, tables, merged).run(moments);
}

template <typename T>
void run(const Block<T>& b, const at::Tensor& x, const at::Tensor& expanded,
         const at::Tensor& merged, const at::Tensor& contracted, const at::Tensor& out) {
  const Shape& s = b.shape;
  const Layout& layout = b.layout;
  std::vector<Moments> moments(s.batch * s.n_hid), bn_moments(s.batch * s.n_bn);

  multiply(x, b.parameters[layout.expand], expanded);
  measure(expanded.const_data_ptr<T>(), s.batch, s.frames, s.n_hid, b.at(layout.expand + 1),
          moments);
  b.settle(0, moments, s.n_hid, s.frames);
  make_merged(b, expanded.const_data_ptr<T>(), merged.data_ptr<T>(), moments);
  b.settle(s.depth + 1, moments, s.n_hid, s.frames);
  T* m = merged.data_ptr<T>();
  activate_all(b.merged(), s.batch, s.frames, s.n_hid, m, m);

  multiply(merged, b.parameters[layout.contract()], contracted);
  const T* y = contracted.const_data_ptr<T>();
  if (layout.has_last_norm) {
    measure(y, s.batch, s.frames, s.n_bn, b.at(layout.contract() + 1), bn_moments);
    b.settle(s.depth + 2, bn_moments, s.n_bn, s.frames);
  }
  T* to = out.data_ptr<T>();
  add_residual(b.contracted(), s, x.const_data_ptr<T>(), y, to);
  if (layout.has_end_norm) {
    const Space<T> nothing(s.n_bn);
    measure(to, s.batch, s.frames, s.n_bn, nothing.data(), bn_moments);
    b.settle(s.depth + 3, bn_moments, s.n_bn, s.frames);
  }
  if (layout.has_end_slope) {
    activate_all(b.end(), s.batch, s.frames, s.n_bn, to, to);
  }
}

}  // namespace

Saved forward(const at::Tensor& features, at::TensorList parameters, int64_t depth,
              c10::string_view variant, bool is_global, bool keeps) {
  const Layout layout = layout_of(variant, depth);
  TORCH_CHECK(int64_t(parameters.size()) == layout.size(), "a ", variant, " block of ", depth,
              " levels has ", layout.size(), " parameters, not ", parameters.size());
  const at::Tensor x = features.transpose(1, 2).contiguous();  // [batch, frames, n_bn]
  const Shape s{x.size(0), x.size(2), parameters[0].size(0), x.size(1), depth};
  const auto options = x.options();
  const at::Tensor expanded = at::empty({s.batch, s.frames, s.n_hid}, options);
  const at::Tensor merged = keeps ? at::empty_like(expanded) : expanded;
  const at::Tensor contracted = at::empty_like(x);
  const at::Tensor statistics =
      at::empty({depth + 4, 2, s.batch * std::max(s.n_bn, s.n_hid)}, options);
  const at::Tensor out = at::empty_like(x);
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "uconv_block", [&] {
    const Block<scalar_t> b{s, layout, parameters, is_global ? Norm::kGlobal : Norm::kChannel,
                            {statistics.data_ptr<scalar_t>(), statistics.size(-1)}};
    run(b, x, expanded, merged, contracted, out);
  });
  return {out.transpose(1, 2), expanded, contracted, statistics};
}

}  // namespace sudormrf
