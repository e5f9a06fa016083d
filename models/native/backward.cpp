// The backward of a U-ConvBlock: four matrix products, and passes over channels between them.
//
// The levels and the merged features are computed again from the expanded ones.
#include <ATen/Dispatch.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros_like.h>

#include "gradients.h"
#include "operators.h"
#include "passes.h"

namespace sudormrf {
namespace {

// Where a norm with its activation lies: which one, its channels and frames, its parameters.
struct Place {
  int64_t which, n_chan, frames, norm, slope, added;
};

template <typename T>
class Backward {
 public:
  Backward(const Block<T>& block, at::TensorList gradients) : b_(block), gradients_(gradients) {}

  // From the gradient of a norm's output (after its activation) to that of its input; adds the
  // parameters' to theirs. `x` lacks the bias `added`, of which the gradient is added too.
  void through(const Place& place, const T* x, const T* gradient, T* out, int64_t bias = -1) {
    Space<T> table = make_table(place);
    const int64_t n = place.n_chan, size = b_.shape.batch * n;
    Space<T> sums(4 * size);
    const GradientSums<T> of{sums.data(), sums.data() + size, sums.data() + 2 * size};
    over_channels(b_.shape.batch, n, [&](int64_t item, int64_t c, int64_t width) {
      const int64_t at = item * place.frames * n + c, to = item * n + c;
      sum_gradients(x + at, gradient + at, n, place.frames, width, row(table, n, item).from(c),
                    {of.bias + to, of.gain + to, of.slope + to});
    });
    settle(place, table, of);
    T* total = sums.data() + 3 * size;
    over_channels(b_.shape.batch, n, [&](int64_t item, int64_t c, int64_t width) {
      const int64_t at = item * place.frames * n + c;
      through_norm(x + at, gradient + at, out + at, n, place.frames, width,
                   row(table, n, item).from(c), total + item * n + c);
    });
    if (place.norm >= 0) {
      add(place.norm, of.gain, n);
      add(place.norm + 1, of.bias, n);
    }
    if (place.slope >= 0) add(place.slope, of.slope, n);
    if (place.added >= 0) add(place.added, total, n);
    if (bias >= 0) add(bias, total, n);
  }

  // Of level k: the gradients of its taps, and of what comes in (`in_gradient`), from that of what
  // it gives. To level 0's the gradient is written, to the others' it is added.
  template <int kStride>
  void through_level(int64_t k, const Table<T>& table, const T* in, const T* gradient,
                     T* in_gradient) {
    const int64_t n_chan = b_.shape.n_hid;
    Space<T> sums(b_.shape.batch * n_chan * kTaps);
    struct State {
      int64_t item, c, width;
      Space<T> sums;
    };
    over_windows<kStride>(
        b_, k, table, Features<const T>{in, b_.shape.length(k) * kStride, n_chan, n_chan},
        [&](int64_t item, int64_t c, int64_t width) {
          return State{item, c, width, Space<T>(kTaps * kWidth)};
        },
        [&](State& state, int64_t t, int64_t frames, const T* window) {
          const int64_t at = (state.item * b_.shape.length(k) + t) * n_chan + state.c;
          sum_taps<kStride>(window, gradient + at, n_chan, frames, state.width, state.sums.data());
        },
        [&](State& state) {
          T* to = sums.data() + (state.item * n_chan + state.c) * kTaps;
          for (int64_t c = 0; c < state.width; c++) {
            for (int64_t j = 0; j < kTaps; j++) to[c * kTaps + j] = state.sums[j * kWidth + c];
          }
        });
    add(b_.layout.level(k), sums.data(), n_chan * kTaps);

    const Space<T> taps = by_tap(b_.at(b_.layout.level(k)), n_chan), zeros(kWidth);
    const int64_t n = b_.shape.length(k);
    over_channels(b_.shape.batch, n_chan, [&](int64_t item, int64_t c, int64_t width) {
      const auto output = [&](int64_t t) {
        return t < 0 || t >= n ? zeros.data() : gradient + (item * n + t) * n_chan + c;
      };
      T* to = in_gradient + item * n * kStride * n_chan + c;
      const T* w = taps.data() + c;
      for (int64_t t = 0; t < n; t++) {
        T* at = to + t * kStride * n_chan;
        if constexpr (kStride == 2) {
          spread(output(t - 1), output(t), output(t + 1), at, at + n_chan, width, w, n_chan);
        } else {
          const T* outputs[kTaps] = {output(t - 2), output(t - 1), output(t), output(t + 1),
                                     output(t + 2)};
          spread(outputs, at, width, w, n_chan);
        }
      }
    });
  }

  // The gradient of upsampling: each coarse frame takes the sum of two fine ones.
  void gather(int64_t k, const T* finer, T* out) {
    const int64_t n = b_.shape.n_hid, frames = b_.shape.batch * b_.shape.length(k);
    at::parallel_for(0, frames, std::max<int64_t>(1, 32768 / n), [&](int64_t from, int64_t end) {
      for (int64_t t = from; t < end; t++) {
        const T* x = finer + 2 * t * n;
        over_lanes<T>(n, [&](int64_t c, auto lanes) {
          using V = decltype(lanes);
          store(out + t * n + c, load<V>(x + c) + load<V>(x + n + c));
        });
      }
    });
  }

 private:
  static Slopes<T> row(const Space<T>& table, int64_t n, int64_t item) {
    const T* at = table.data() + item * 8 * n;
    return {at, at + n, at + 2 * n, at + 3 * n, at + 4 * n, at + 5 * n, at + 6 * n, at + 7 * n};
  }

  // [batch, 8, n_chan], of which the last three come later; without a norm all is kept as it is.
  Space<T> make_table(const Place& place) const {
    const int64_t n = place.n_chan;
    Space<T> table(b_.shape.batch * 8 * n);
    const Statistics<T> statistics = b_.statistics[place.which];
    for (int64_t i = 0; i < b_.shape.batch * n; i++) {
      const int64_t c = i % n;
      T* to = table.data() + i / n * 8 * n + c;
      const bool has_norm = place.norm >= 0;
      const T added = place.added < 0 ? T(0) : b_.at(place.added)[c];
      to[0] = has_norm ? statistics.rate[i] : T(1);
      to[n] = has_norm ? (added - statistics.mean[i]) * statistics.rate[i] : added;
      to[2 * n] = has_norm ? b_.at(place.norm)[c] : T(1);
      to[3 * n] = has_norm ? b_.at(place.norm + 1)[c] : T(0);
      to[4 * n] = b_.slope(place.slope, c);
    }
    return table;
  }

  // A norm's backward is linear in each channel: rate (gain g - mean(gain g) - x mean(gain g x)),
  // the means over what its moments were taken of.
  void settle(const Place& place, Space<T>& table, const GradientSums<T>& sums) const {
    const int64_t n = place.n_chan;
    for (int64_t item = 0; item < b_.shape.batch; item++) {
      T* at = table.data() + item * 8 * n;
      double of_bias = 0, of_gain = 0;
      for (int64_t c = 0; c < n; c++) {
        of_bias += at[2 * n + c] * double(sums.bias[item * n + c]) / (n * place.frames);
        of_gain += at[2 * n + c] * double(sums.gain[item * n + c]) / (n * place.frames);
      }
      for (int64_t c = 0; c < n; c++) {
        if (b_.norm == Norm::kChannel) {
          of_bias = at[2 * n + c] * double(sums.bias[item * n + c]) / place.frames;
          of_gain = at[2 * n + c] * double(sums.gain[item * n + c]) / place.frames;
        }
        const bool has_norm = place.norm >= 0;
        at[5 * n + c] = has_norm ? at[c] * at[2 * n + c] : T(1);
        at[6 * n + c] = has_norm ? -at[c] * of_gain : 0;
        at[7 * n + c] = has_norm ? -at[c] * of_bias : 0;
      }
    }
  }

  // Adds sums of [batch, n] to a parameter's gradient, of n numbers or of one.
  void add(int64_t index, const T* sums, int64_t n) {
    T* to = gradients_[index].template data_ptr<T>();
    const int64_t step = gradients_[index].numel() > 1;
    for (int64_t i = 0; i < b_.shape.batch * n; i++) to[i % n * step] += sums[i];
  }

  const Block<T>& b_;
  at::TensorList gradients_;
};

at::Tensor rows_of(const at::Tensor& features) { return features.view({-1, features.size(-1)}); }

template <typename T>
void run(const Block<T>& b, const at::Tensor& gradient, const at::Tensor& x,
         const at::Tensor& expanded, const at::Tensor& contracted, at::TensorList gradients,
         const at::Tensor& x_gradient) {
  const Shape& s = b.shape;
  const Layout& layout = b.layout;
  Backward<T> backward(b, gradients);
  std::vector<Moments> unused(s.batch * s.n_hid);
  const int64_t n_features = s.batch * s.frames * s.n_hid;

  const at::Tensor space = at::empty({3 * n_features}, x.options());
  const std::vector<T*> levels = place_levels(s, space.data_ptr<T>());
  std::vector<T*> of_levels(s.depth);  // gradients; those of the first level lie elsewhere
  for (int64_t k = 1; k < s.depth; k++) {
    of_levels[k] = space.data_ptr<T>() + 2 * n_features + (levels[k] - levels[1]);
  }
  const at::Tensor merged = at::empty_like(expanded), activated = at::empty_like(expanded);
  const T* p = expanded.const_data_ptr<T>();
  std::vector<Table<T>> tables{b.expanded()};
  run_level<1>(b, 0, tables[0], p, levels[0], unused);
  tables.push_back(b.level(0));
  for (int64_t k = 1; k < s.depth; k++) {
    run_level<2>(b, k, tables.back(), levels[k - 1], levels[k], unused);
    tables.push_back(b.level(k));
  }
  const std::vector<Table<T>> of_norms(tables.begin() + 1, tables.end());
  T* m = merged.data_ptr<T>();
  T* a = activated.data_ptr<T>();
  Merge<T>(b, levels, of_norms, m).run(unused);
  activate_all(b.merged(), s.batch, s.frames, s.n_hid, m, a);

  // The end of the block, back to the sum of input and contracted features.
  const T* y = contracted.const_data_ptr<T>();
  const at::Tensor y_gradient = at::empty_like(x);
  T* dx = x_gradient.data_ptr<T>();
  T* dy = y_gradient.data_ptr<T>();
  add_residual(b.contracted(), s, x.const_data_ptr<T>(), y, dy);
  backward.through({s.depth + 3, s.n_bn, s.frames, layout.end_norm(), layout.end_slope(), -1}, dy,
                   gradient.const_data_ptr<T>(), dx);
  backward.through({s.depth + 2, s.n_bn, s.frames, layout.last_norm(), -1, layout.contract() + 1},
                   y, dx, dy);

  // The contraction, and up and down the levels.
  const at::Tensor contract = b.parameters[layout.contract()].squeeze(-1);
  at::Tensor contract_gradient = gradients[layout.contract()].squeeze(-1);
  at::mm_out(contract_gradient, rows_of(y_gradient).t(), rows_of(activated));
  at::Tensor activated_rows = rows_of(activated);
  at::mm_out(activated_rows, rows_of(y_gradient), contract);
  backward.through(
      {s.depth + 1, s.n_hid, s.frames, layout.merged_norm(), layout.merged_slope(), -1}, m, a, a);
  of_levels[0] = a;
  for (int64_t k = 1; k < s.depth; k++) backward.gather(k, of_levels[k - 1], of_levels[k]);
  for (int64_t k = s.depth - 1; k >= 0; k--) {
    const Place place{1 + k, s.n_hid, s.length(k), layout.level_norm(k), layout.level_slope(k), -1};
    backward.through(place, levels[k], of_levels[k], of_levels[k], layout.level(k) + 1);
    if (k > 0) {
      backward.template through_level<2>(k, tables[k], levels[k - 1], of_levels[k],
                                         of_levels[k - 1]);
    } else {
      backward.template through_level<1>(0, tables[0], p, a, m);
    }
  }

  // The expansion.
  backward.through({0, s.n_hid, s.frames, Layout::expand_norm, Layout::expand_slope,
                    Layout::expand + 1}, p, m, m);
  const at::Tensor expand = b.parameters[Layout::expand].squeeze(-1);
  at::Tensor expand_gradient = gradients[Layout::expand].squeeze(-1);
  at::mm_out(expand_gradient, rows_of(merged).t(), rows_of(x));
  at::Tensor x_rows = rows_of(x_gradient);
  at::addmm_out(x_rows, x_rows, rows_of(merged), expand);
}

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
    run<scalar_t>(b, g, x, saved[0], saved[1], gradients, x_gradient);
  });
  return {x_gradient.transpose(1, 2), gradients};
}

}  // namespace sudormrf
