// The backward of a U-ConvBlock: four matrix products, and passes over channels between them.
//
// The levels and the merged features are computed again from the expanded ones.
#include <ATen/Dispatch.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros_like.h>

#include <cstring>

#include "operators.h"
#include "passes.h"
#include "weights.h"

namespace sudormrf {
namespace {

template <typename T>
class Backward {
 public:
  Backward(const Block<T>& block, const at::Tensor& x, const at::Tensor& expanded,
           const at::Tensor& contracted)
      : b_(block), s_(block.shape), layout_(block.layout), options_(x.options()),
        x_(narrow(s_, x.const_data_ptr<T>())), p_(wide(s_, expanded.const_data_ptr<T>())),
        y_(narrow(s_, contracted.const_data_ptr<T>())),
        expand_norm_(b_, {0, s_.n_hid, s_.frames, Layout::expand_norm, Layout::expand_slope,
                          Layout::expand + 1, true}),
        merged_norm_(b_, {s_.depth + 1, s_.n_hid, s_.frames, layout_.merged_norm(),
                          layout_.merged_slope(), -1, false}) {
    for (int64_t k = 0; k < s_.depth; k++) {
      const Place place{1 + k, s_.n_hid, s_.length(k), layout_.level_norm(k),
                        layout_.level_slope(k), layout_.level(k) + 1, false};
      level_norms_.emplace_back(b_, place);
    }
  }

  // From the gradient of what the block gives to `to`, that of what came in.
  void run(const at::Tensor& gradient, const at::Tensor& to, at::TensorList gradients) {
    const at::Tensor space = at::empty({s_.batch, s_.frames, s_.n_bn}, options_);
    const Features<T> dx = narrow(s_, to.data_ptr<T>()), dy = narrow(s_, space.data_ptr<T>());
    through_end(narrow(s_, gradient.const_data_ptr<T>()), dx, dy, gradients);

    const int64_t size = s_.batch * p_.per_item();
    const at::Tensor wide_space = at::empty({5 * size}, options_);
    T* wide_data = wide_space.data_ptr<T>();
    m_ = wide(s_, wide_data);
    levels_ = place_levels(s_, wide_data + size);
    of_levels_ = place_levels(s_, wide_data + 3 * size);
    make_again();
    through_contraction(dy, gradients[layout_.contract()].squeeze(-1));
    through_levels(gradients);
    through_expansion(dy, gradients[Layout::expand].squeeze(-1).t());
    to.add_(space);
    for (auto& norm : level_norms_) norm.finish(gradients);
    expand_norm_.finish(gradients);
    merged_norm_.finish(gradients);
  }

 private:
  // The last norm, the residual sum and what follows it: to the gradients of both that are summed.
  void through_end(Features<const T> gradient, Features<T> dx, Features<T> dy,
                   at::TensorList gradients) {
    NormGradient<T> end(b_, {s_.depth + 3, s_.n_bn, s_.frames, layout_.end_norm(),
                             layout_.end_slope(), -1, false});
    NormGradient<T> last(b_, {s_.depth + 2, s_.n_bn, s_.frames, layout_.last_norm(), -1,
                              layout_.contract() + 1, true});
    add_residual<T>(b_.contracted(), s_.batch, x_, y_, dy, nullptr);
    through(end, dy, gradient, dx);
    through(last, y_, dx, dy);
    end.finish(gradients);
    last.finish(gradients);
  }
  void through(NormGradient<T>& norm, Features<const T> x, Features<const T> gradient,
               Features<T> out) {
    over_channels<kWidth>(s_.batch, s_.n_bn, [&](Channels at) {
      norm.sum(at, rows_at(x, at, 0), rows_at(gradient, at, 0), s_.frames);
    });
    norm.settle();
    over_channels<kWidth>(s_.batch, s_.n_bn, [&](Channels at) {
      norm.through(at, rows_at(x, at, 0), rows_at(gradient, at, 0), rows_at(out, at, 0),
                   s_.frames);
    });
  }

  // To the gradient of the merged features behind their norm, in the first level's place.
  void through_contraction(Features<const T> dy, const at::Tensor& of_weight) {
    const at::Tensor weight = b_.parameters[layout_.contract()].transpose(0, 1);
    const Product<T> product(to_panels<T>(weight), s_.n_bn, s_.n_hid);
    const Table<T> table = b_.merged();
    const auto prepare = [&](Channels at, int64_t t, int64_t frames, T* space) {
      product.run({dy.at(at.item, t, 0), dy.tile}, rows_at(of_levels_[0], at, t), frames, at);
      const Rows<const T> merged = rows_at(m_, at, t);
      activate(merged.data, merged.pitch, space, kTile, frames, at.width, table.of(at));
      merged_norm_.sum(at, merged, rows_at(of_levels_[0], at, t), frames);
      return Rows<const T>{space, kTile};
    };
    WeightGradient<T>(s_, dy.data).run(prepare, of_weight);
    merged_norm_.settle();
  }

  // All levels and the merged features.
  void make_again() {
    for (int64_t k = 0; k < s_.depth; k++) tables_.push_back(b_.level(k));
    const Table<T> expanded = b_.expanded();
    const Merge<T> merge(b_, levels_, tables_, m_);
    over_channels(s_.batch, s_.n_hid, [&](Channels at) {
      for (int64_t k = 0; k < s_.depth; k++) {
        const Features<const T> in = k == 0 ? p_ : levels_[k - 1];
        make_level(b_, k, k == 0 ? expanded : tables_[k - 1], in, levels_[k], at, nullptr);
      }
      merge.run(at, nullptr);
    });
  }

  // Up the levels, and down them: to the gradient of the expanded features behind their norm, which
  // takes the first level's place: what is overwritten has been read.
  void through_levels(at::TensorList gradients) {
    const Table<T> expanded = b_.expanded();
    over_channels(s_.batch, s_.n_hid, [&](Channels at) { gather_levels(at); });
    for (int64_t k = s_.depth - 1; k >= 0; k--) {
      level_norms_[k].settle();
      Space<T> taps(s_.batch * s_.n_hid * kTaps);
      over_channels(s_.batch, s_.n_hid, [&](Channels at) {
        T* of_taps = taps.data() + at.index(s_.n_hid) * kTaps;
        if (k > 0) {
          through_level<2>(k, at, levels_[k - 1], tables_[k - 1], of_levels_[k - 1],
                           level_norms_[k - 1], of_taps);
        } else {
          through_level<1>(0, at, p_, expanded, of_levels_[0], expand_norm_, of_taps);
        }
      });
      T* to = gradients[layout_.level(k)].template data_ptr<T>();
      for (size_t i = 0; i < taps.size(); i++) to[i % (s_.n_hid * kTaps)] += taps[i];
    }
    expand_norm_.settle();
  }

  // Of each level, what it is given of the merged features' gradient.
  void gather_levels(Channels at) {
    const int64_t coarsest = s_.depth - 1, n_coarse = s_.length(coarsest);
    const int64_t at_once = std::max<int64_t>(1, kFrames >> coarsest);
    for (int64_t t = 0; t < n_coarse; t += at_once) {
      const int64_t n = std::min(at_once, n_coarse - t);
      const Rows<T> gradient = rows_at(of_levels_[0], at, t << coarsest);
      const Rows<T> merged = rows_at(m_, at, t << coarsest);
      merged_norm_.through(at, merged, gradient, gradient, n << coarsest);
      for (int64_t k = 1; k <= coarsest; k++) {
        const int64_t finer = coarsest - k;
        gather(of_levels_[k - 1].at(at, t << (finer + 1)), of_levels_[k].at(at, t << finer),
               s_.tile(), n << finer, at.width);
      }
      level_norms_[coarsest].sum(at, rows_at(levels_[coarsest], at, t),
                                 rows_at(of_levels_[coarsest], at, t), n);
    }
  }

  // Some channels of level k: the gradients of its taps, [channels, taps], and `to`, that of what
  // comes in, with the sums that the norm there wants.
  template <int kStride>
  void through_level(int64_t k, Channels at, Features<const T> in, const Table<T>& table,
                     Features<T> to, NormGradient<T>& norm, T* of_taps) {
    constexpr int64_t reach = kReach<kStride>;
    const Space<T> taps = by_tap(b_.at(layout_.level(k)) + at.first * kTaps, at.width);
    // Gradients of this level's frames before their norm, from 2 reach before those at hand on.
    Space<T> window((kFrames + 3 * reach) * kTile), sums(kTaps * kTile);
    T* fresh = window.data() + 2 * reach * kTile;
    const int64_t n = s_.length(k);
    over_windows<kStride>(in, table.of(at), at, [&](int64_t t, int64_t frames, const T* inputs) {
      level_norms_[k].through(at, rows_at(levels_[k], at, t),
                              rows_at(of_levels_[k], at, t), {fresh, kTile}, frames);
      sum_taps<kStride>(inputs, fresh, kTile, frames, at.width, sums.data());
      const bool is_last = t + frames == n;
      if (is_last) std::fill_n(fresh + frames * kTile, reach * kTile, T(0));
      const int64_t first = std::max<int64_t>(0, t - reach);  // of those with all they give
      const int64_t count = t + frames - (is_last ? 0 : reach) - first;
      const Rows<T> out = rows_at(to, at, first * kStride);
      spread<kStride>(window.data() + (first - t + reach) * kTile, kTile, out.data, out.pitch,
                      count, at.width, taps.data(), at.width);
      norm.sum(at, rows_at(in, at, first * kStride), out, count * kStride);
      std::memmove(window.data(), window.data() + frames * kTile, 2 * reach * kTile * sizeof(T));
    });
    for (int64_t c = 0; c < at.width; c++) {
      for (int64_t j = 0; j < kTaps; j++) of_taps[c * kTaps + j] = sums[j * kTile + c];
    }
  }

  // To what the block's input gets by way of the expansion.
  void through_expansion(Features<T> out, const at::Tensor& of_weight) {
    const Features<T> dp = of_levels_[0];
    const auto prepare = [&](Channels at, int64_t t, int64_t frames, T*) {
      const Rows<T> gradient = rows_at(dp, at, t);
      expand_norm_.through(at, rows_at(p_, at, t), gradient, gradient, frames);
      return Rows<const T>(gradient);
    };
    WeightGradient<T>(s_, x_.data).run(prepare, of_weight);
    const at::Tensor weight = b_.parameters[Layout::expand].transpose(0, 1);
    const Product<T> product(to_panels<T>(weight), s_.n_hid, s_.n_bn);
    product.run_by_frames(dp, nullptr, out, s_.batch);
  }

  const Block<T>& b_;
  const Shape& s_;
  const Layout& layout_;
  at::TensorOptions options_;
  Features<const T> x_, p_, y_;
  NormGradient<T> expand_norm_, merged_norm_;
  std::vector<NormGradient<T>> level_norms_;
  std::vector<Table<T>> tables_;                 // of the levels
  Features<T> m_{};                              // merged
  std::vector<Features<T>> levels_, of_levels_;  // these behind their norms
};

}  // namespace

std::tuple<at::Tensor, std::vector<at::Tensor>> backward(
    const at::Tensor& gradient, const at::Tensor& features, at::TensorList saved,
    at::TensorList parameters, int64_t depth, c10::string_view variant, bool is_global) {
  const at::Tensor x = features.transpose(1, 2).contiguous();
  const at::Tensor g = gradient.transpose(1, 2).contiguous();
  const at::Tensor x_gradient = at::empty_like(x);
  const Shape s{x.size(0), x.size(2), parameters[0].size(0), x.size(1), depth};
  std::vector<at::Tensor> gradients;
  for (const at::Tensor& parameter : parameters) gradients.push_back(at::zeros_like(parameter));
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "uconv_block_backward", [&] {
    const Block<scalar_t> b{s, layout_of(variant, depth), parameters,
                            is_global ? Norm::kGlobal : Norm::kChannel,
                            {saved[2].data_ptr<scalar_t>(), saved[2].size(-1)}};
    Backward<scalar_t>(b, x, saved[0], saved[1]).run(g, x_gradient, gradients);
  });
  return {x_gradient.transpose(1, 2), gradients};
}

}  // namespace sudormrf
