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
// `taps` are [levels, taps, n_hid].
template <typename T>
void make_merged(const Block<T>& b, const T* taps, Features<const T> expanded, Features<T> merged,
                 std::vector<Moments>& moments) {
  const Shape& s = b.shape;
  if (Pyramid<T>::fits(b.layout)) {
    Pyramid<T> pyramid(b, taps);
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

// What a block writes; `merged` may be `expanded`, and `out` its input.
struct Written {
  at::Tensor expanded, merged, contracted, statistics, out;
};

template <typename T>
void run(const Block<T>& b, at::TensorList packed, const at::Tensor& x, const Written& to_write) {
  const Shape& s = b.shape;
  const Layout& layout = b.layout;
  std::vector<Moments> moments(s.batch * s.n_hid), bn_moments(s.batch * s.n_bn);
  const Features<const T> in = narrow(s, x.const_data_ptr<T>());
  const Features<T> p = wide(s, to_write.expanded.data_ptr<T>());
  const Features<T> m = wide(s, to_write.merged.data_ptr<T>());
  const Features<T> y = narrow(s, to_write.contracted.data_ptr<T>());
  const Features<T> to = narrow(s, to_write.out.data_ptr<T>());

  const auto product = [&](int64_t which, int64_t at, int64_t n_in, int64_t n_out) {
    return Product<T>(packed.empty() ? to_panels<T>(b.parameters[at]) : packed[which], n_in, n_out);
  };
  const Product<T> expand = product(0, layout.expand, s.n_bn, s.n_hid);
  expand.run_by_channels(in, p, s.batch, b.at(layout.expand + 1), moments);
  b.settle(0, moments, s.n_hid, s.frames);
  const Space<T> taps = packed.empty() ? taps_of_all(b) : Space<T>();
  make_merged<T>(b, packed.empty() ? taps.data() : packed[2].const_data_ptr<T>(), p, m, moments);
  b.settle(s.depth + 1, moments, s.n_hid, s.frames);

  const Product<T> contract = product(1, layout.contract(), s.n_hid, s.n_bn);
  const Table<T> table = b.merged();
  contract.run_by_frames(m, &table, y, s.batch, b.at(layout.contract() + 1), &bn_moments);
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

// What a block's parameters and its input say of it.
struct Sizes {
  Layout layout;
  Shape shape;
};

Sizes sizes_of(const at::Tensor& x, at::TensorList parameters, int64_t depth,
               c10::string_view variant) {
  const Layout layout = layout_of(variant, depth);
  TORCH_CHECK(int64_t(parameters.size()) == layout.size(), "a ", variant, " block of ", depth,
              " levels has ", layout.size(), " parameters, not ", parameters.size());
  return {layout, {x.size(0), x.size(2), parameters[0].size(0), x.size(1), depth}};
}

// All but `merged` and `out`.
Written allocate(const Shape& s, const at::Tensor& x) {
  const auto options = x.options();
  Written made;
  made.expanded = at::empty({s.batch, s.n_tiles(), s.frames, s.tile()}, options);
  made.contracted = at::empty_like(x);
  made.statistics = at::empty({s.depth + 4, 2, s.batch * std::max(s.n_bn, s.n_hid)}, options);
  return made;
}

void run(const Sizes& of, at::TensorList parameters, bool is_global, at::TensorList packed,
         const at::Tensor& x, const Written& to_write) {
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "uconv_block", [&] {
    const at::Tensor& statistics = to_write.statistics;
    const Block<scalar_t> b{of.shape, of.layout, parameters,
                            is_global ? Norm::kGlobal : Norm::kChannel,
                            {statistics.data_ptr<scalar_t>(), statistics.size(-1)}};
    run(b, packed, x, to_write);
  });
}

}  // namespace

Saved block_to_train(const at::Tensor& features, at::TensorList parameters, int64_t depth,
                     c10::string_view variant, bool is_global) {
  const at::Tensor x = features.transpose(1, 2).contiguous();  // [batch, frames, n_bn]
  const Sizes of = sizes_of(x, parameters, depth, variant);
  Written made = allocate(of.shape, x);
  made.merged = at::empty_like(made.expanded);
  made.out = at::empty_like(x);
  run(of, parameters, is_global, {}, x, made);
  return {made.out.transpose(1, 2), made.expanded, made.contracted, made.statistics};
}

at::Tensor blocks(const at::Tensor& features, at::TensorList parameters, int64_t n_blocks,
                  int64_t depth, c10::string_view variant, bool is_global,
                  at::TensorList packed) {
  TORCH_CHECK(n_blocks > 0 && parameters.size() % n_blocks == 0, parameters.size(),
              " parameters are not those of ", n_blocks, " blocks");
  const auto part = [&](at::TensorList of_all, int64_t i) {
    const int64_t size = of_all.size() / n_blocks;
    return of_all.slice(i * size, size);
  };
  at::Tensor x = features.transpose(1, 2).contiguous();
  const Sizes of = sizes_of(x, part(parameters, 0), depth, variant);
  Written made = allocate(of.shape, x);
  made.merged = made.expanded;
  made.out = at::empty_like(x);  // which the blocks after the first work on in place
  for (int64_t i = 0; i < n_blocks; i++) {
    run(of, part(parameters, i), is_global, part(packed, i), x, made);
    x = made.out;
  }
  return x.transpose(1, 2);
}

}  // namespace sudormrf
