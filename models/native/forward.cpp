// The forward of a U-ConvBlock: two matrix products, and passes over channels between them.
#include <ATen/Dispatch.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include "operators.h"
#include "product.h"
#include "pyramid.h"

namespace sudormrf {

Layout layout_of(c10::string_view variant, int64_t depth) {
  const bool is_code = variant == "code", is_improved = variant == "improved";
  return {variant == "text", !is_improved, is_code, !is_improved, depth};
}

namespace {

// From the expanded features down the levels and up again: the merged features and their moments.
template <typename T>
void make_merged(const Block<T>& b, Features<const T> expanded, Features<T> merged,
                 std::vector<Moments>& moments) {
  const Shape& s = b.shape;
  if (Pyramid<T>::fits(b.layout)) {
    Pyramid<T> pyramid(b);
    const Table<T> table = b.expanded();
    pyramid.measure(table, expanded);
    pyramid.settle();
    pyramid.merge(table, expanded, merged, moments);
    return;
  }
  const at::Tensor space = at::empty({2 * s.batch * expanded.per_item()},
                                     b.parameters[0].options());
  const std::vector<Features<T>> levels = place_levels(s, space.data_ptr<T>());
  std::vector<Table<T>> tables;
  for (int64_t k = 0; k < s.depth; k++) {
    const Table<T> before = k == 0 ? b.expanded() : tables.back();
    const Features<const T> in = k == 0 ? expanded : levels[k - 1];
    over_channels(s.batch, s.n_hid, [&](Channels at) {
      make_level(b, k, before, in, levels[k], at, moments.data());
    });
    b.settle(1 + k, moments, s.n_hid, s.length(k));
    tables.push_back(b.level(k));
  }
  const Merge<T> merge(b, levels, tables, merged);
  over_channels(s.batch, s.n_hid, [&](Channels at) { merge.run(at, moments.data()); });
}

template <typename T>
void run(const Block<T>& b, at::TensorList panels, const at::Tensor& x, const at::Tensor& expanded,
         const at::Tensor& merged, const at::Tensor& contracted,
         const at::Tensor& out) {
  const Shape& s = b.shape;
  const Layout& layout = b.layout;
  std::vector<Moments> moments(s.batch * s.n_hid), bn_moments(s.batch * s.n_bn);
  const Features<const T> in = narrow(s, x.const_data_ptr<T>());
  const Features<T> p = wide(s, expanded.data_ptr<T>()), m = wide(s, merged.data_ptr<T>());
  const Features<T> y = narrow(s, contracted.data_ptr<T>()), to = narrow(s, out.data_ptr<T>());

  const auto product = [&](int64_t which, int64_t at, int64_t n_out) {
    return Product<T>(panels.empty() ? to_panels<T>(b.parameters[at]) : panels[which], n_out);
  };
  const Product<T> expand = product(0, layout.expand, s.n_hid);
  expand.run(in, nullptr, p, s.batch, b.at(layout.expand + 1), &moments);
  b.settle(0, moments, s.n_hid, s.frames);
  make_merged<T>(b, p, m, moments);
  b.settle(s.depth + 1, moments, s.n_hid, s.frames);

  const Product<T> contract = product(1, layout.contract(), s.n_bn);
  const Table<T> table = b.merged();
  contract.run(m, &table, y, s.batch, b.at(layout.contract() + 1), &bn_moments);
  if (layout.has_last_norm) {
    b.settle(s.depth + 2, bn_moments, s.n_bn, s.frames);
  }
  add_residual<T>(b.contracted(), s.batch, in, y, to, layout.has_end_norm ? &bn_moments : nullptr);
  if (layout.has_end_norm) {
    b.settle(s.depth + 3, bn_moments, s.n_bn, s.frames);
  }
  if (layout.has_end_slope) {
    activate_all<T>(b.end(), s.batch, to, to);
  }
}

}  // namespace

Saved forward(const at::Tensor& features, at::TensorList parameters, int64_t depth,
              c10::string_view variant, bool is_global, at::TensorList panels, bool keeps) {
  const Layout layout = layout_of(variant, depth);
  TORCH_CHECK(int64_t(parameters.size()) == layout.size(), "a ", variant, " block of ", depth,
              " levels has ", layout.size(), " parameters, not ", parameters.size());
  const at::Tensor x = features.transpose(1, 2).contiguous();  // [batch, frames, n_bn]
  const Shape s{x.size(0), x.size(2), parameters[0].size(0), x.size(1), depth};
  const auto options = x.options();
  const at::Tensor expanded = at::empty({s.batch, s.n_tiles(), s.frames, s.tile()}, options);
  const at::Tensor merged = keeps ? at::empty_like(expanded) : expanded;
  const at::Tensor contracted = at::empty_like(x);
  const at::Tensor statistics =
      at::empty({depth + 4, 2, s.batch * std::max(s.n_bn, s.n_hid)}, options);
  const at::Tensor out = at::empty_like(x);
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "uconv_block", [&] {
    const Block<scalar_t> b{s, layout, parameters, is_global ? Norm::kGlobal : Norm::kChannel,
                            {statistics.data_ptr<scalar_t>(), statistics.size(-1)}};
    run(b, panels, x, expanded, merged, contracted, out);
  });
  return {out.transpose(1, 2), expanded, contracted, statistics};
}

}  // namespace sudormrf
