// The forward of a causal network's U-ConvBlock. Its norms are of one frame each, or it has none, so
// that it runs through time once, and what a few frames go through stays in the nearest caches.
#include <ATen/Dispatch.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <type_traits>

#include "operators.h"
#include "passes.h"

namespace sudormrf {
namespace {

// Where a block's parameters lie in the list of them, which is the module's own order; -1: nowhere.
struct CausalLayout {
  int64_t expand_norm, expand_slope, first_level, per_level, level_norm, level_slope;
  int64_t merged_norm, merged_slope, contract, gain, size;

  static constexpr int64_t expand = 0;
  int64_t level(int64_t k) const { return first_level + k * per_level; }
};

CausalLayout causal_layout_of(c10::string_view variant, int64_t depth) {
  if (variant == "causal_v3") {
    const int64_t end = 3 + 3 * depth;
    return {-1, 2, 3, 3, -1, 2, -1, -1, end, end + 2, end + 3};
  }
  const int64_t end = 5 + 4 * depth;
  return {2, 4, 5, 4, 2, -1, end, end + 2, end + 3, -1, end + 5};
}

// A block's sizes and parameters.
template <typename T>
struct CausalBlock {
  Shape shape;
  CausalLayout layout;
  at::TensorList parameters;

  const T* at(int64_t index) const {
    return index < 0 ? nullptr : parameters[index].template const_data_ptr<T>();
  }
  int64_t n_fine() const { return int64_t(1) << (shape.depth - 1); }
};

// The sum of `body(c, V())` over channels.
template <typename T, typename Body>
T sum_over(int64_t width, Body body) {
  using Vector = typename VectorOf<T>::type;
  Vector sums{};
  T sum = 0;
  over_lanes<T>(width, [&](int64_t c, auto lanes) {
    if constexpr (std::is_same_v<decltype(lanes), T>) {
      sum += body(c, lanes);
    } else {
      sums += body(c, lanes);
    }
  });
  for (size_t i = 0; i < sizeof(Vector) / sizeof(T); i++) sum += sums[i];
  return sum;
}

// The norm of a frame over its channels, where it has a gain; then an activation, where it has a slope.
template <typename T>
struct FrameStage {
  const T* gain;
  const T* bias;
  const T* slope;  // one for all channels

  FrameStage(const CausalBlock<T>& b, int64_t norm_at, int64_t slope_at)
      : gain(b.at(norm_at)), bias(norm_at < 0 ? nullptr : b.at(norm_at + 1)), slope(b.at(slope_at)) {}

  void operator()(const T* in, T* out, int64_t n_chan) const {
    const T below = slope ? *slope : T(1);
    if (!gain) {
      over_lanes<T>(n_chan, [&](int64_t c, auto lanes) {
        store(out + c, bend(load<decltype(lanes)>(in + c), below));
      });
      return;
    }
    const T mean = sum_over<T>(n_chan, [&](int64_t c, auto lanes) {
      return load<decltype(lanes)>(in + c);
    }) / n_chan;
    const T squares = sum_over<T>(n_chan, [&](int64_t c, auto lanes) {
      const auto distance = load<decltype(lanes)>(in + c) - mean;
      return distance * distance;
    });
    const T rate = 1 / std::sqrt(squares / n_chan + T(kEps));
    over_lanes<T>(n_chan, [&](int64_t c, auto lanes) {
      using V = decltype(lanes);
      const V y = (load<V>(in + c) - mean) * rate * load<V>(gain + c) + load<V>(bias + c);
      store(out + c, bend(y, below));
    });
  }

 private:
  template <typename V>
  static V bend(V y, T below) {
    const V zero{}, scaled = below * y;
    return y > zero ? y : scaled;
  }
};

// The first taps of a depth-wise convolution, as [taps, channels]: others are in the future.
template <int kN, typename T>
Space<T> first_taps(const at::Tensor& weight) {
  const int64_t n_chan = weight.size(0), n_taps = weight.size(2);
  const T* from = weight.const_data_ptr<T>();
  Space<T> taps(kN * n_chan);
  for (int64_t c = 0; c < n_chan; c++) {
    for (int64_t j = 0; j < kN; j++) taps[j * n_chan + c] = from[c * n_taps + j];
  }
  return taps;
}

// A depth-wise convolution; `in` begins with the first window.
template <int kN, int kStride, typename T>
void convolve_rows(const T* in, T* out, int64_t frames, int64_t n_chan, const T* taps,
                   const T* bias) {
  in_groups(frames, [&](int64_t t, auto n) {
    over_lanes<T>(n_chan, [&](int64_t c, auto lanes) {
      using V = decltype(lanes);
      constexpr int n_window = (n - 1) * kStride + kN;
      const T* x = in + t * kStride * n_chan + c;
      V w[kN], window[n_window];
      repeat<kN>([&](auto j) { w[j] = load<V>(taps + j * n_chan + c); });
      repeat<n_window>([&](auto i) { window[i] = load<V>(x + i * n_chan); });
      const V b = load<V>(bias + c);
      repeat<n>([&](auto r) {
        V y = b;
        repeat<kN>([&](auto j) { y += w[j] * window[r * kStride + j]; });
        store(out + (t + r) * n_chan + c, y);
      });
    });
  });
}

// A block on its way through time, one frame of the coarsest level and its fine ones at a time. Its
// windows have kN frames.
template <int kN, typename T>
class Pass {
 public:
  static constexpr int64_t kPast = kN - 1;  // earlier frames that a window sees
  static constexpr int64_t kReach = kN;     // coarse frames, itself included, that a frame depends on

  explicit Pass(const CausalBlock<T>& b)
      : b_(b), n_chan_(b.shape.n_hid), depth_(b.shape.depth), n_fine_(b.n_fine()),
        coarsest_(n_chan_) {
    for (int64_t k = 0; k < depth_; k++) {
      taps_.push_back(first_taps<kN, T>(b.parameters[b.layout.level(k)]));
      inputs_.push_back(Space<T>((kPast + n_in(k)) * n_chan_));
    }
  }

  // The frames before the next window of level k, zeros at first.
  T* past(int64_t k) { return inputs_[k].data(); }

  // From n_fine frames of the expanded features, without their bias, to the merged ones, activated.
  void run(const T* expanded, T* merged) {
    const CausalLayout& l = b_.layout;
    const T* added = b_.at(l.expand + 1);
    const FrameStage<T> first(b_, l.expand_norm, l.expand_slope);
    for (int64_t t = 0; t < n_fine_; t++) {
      T* row = fresh(0) + t * n_chan_;
      over_lanes<T>(n_chan_, [&](int64_t c, auto lanes) {
        using V = decltype(lanes);
        store(row + c, load<V>(expanded + t * n_chan_ + c) + load<V>(added + c));
      });
      first(row, row, n_chan_);
    }
    for (int64_t k = 0; k < depth_; k++) go_down(k);
    for (int64_t k = depth_ - 1; k > 0; k--) add_upsampled(k);
    const FrameStage<T> last(b_, l.merged_norm, l.merged_slope);
    for (int64_t t = 0; t < n_fine_; t++) {
      last(fresh(1) + t * n_chan_, merged + t * n_chan_, n_chan_);
    }
  }

 private:
  int64_t n_in(int64_t k) const { return k == 0 ? n_fine_ : n_fine_ >> (k - 1); }
  // The new frames that level k takes, which level k - 1 gives.
  T* fresh(int64_t k) { return k < depth_ ? inputs_[k].data() + kPast * n_chan_ : coarsest_.data(); }

  void go_down(int64_t k) {
    const CausalLayout& l = b_.layout;
    const int64_t at = l.level(k), n_out = n_fine_ >> k;
    T* out = fresh(k + 1);
    (k == 0 ? convolve_rows<kN, 1, T> : convolve_rows<kN, 2, T>)(past(k), out, n_out, n_chan_,
                                                                 taps_[k].data(), b_.at(at + 1));
    const FrameStage<T> stage(b_, l.level_norm < 0 ? -1 : at + l.level_norm,
                              l.level_slope < 0 ? -1 : at + l.level_slope);
    for (int64_t t = 0; t < n_out; t++) stage(out + t * n_chan_, out + t * n_chan_, n_chan_);
    std::memmove(past(k), past(k) + n_in(k) * n_chan_, kPast * n_chan_ * sizeof(T));
  }

  // Adds level k, upsampled, to the one before it.
  void add_upsampled(int64_t k) {
    for (int64_t t = 0; t < n_in(k); t++) {
      const T* coarse = fresh(k + 1) + t / 2 * n_chan_;
      T* fine = fresh(k) + t * n_chan_;
      over_lanes<T>(n_chan_, [&](int64_t c, auto lanes) {
        add_to(fine + c, load<decltype(lanes)>(coarse + c));
      });
    }
  }

  const CausalBlock<T>& b_;
  const int64_t n_chan_, depth_, n_fine_;
  std::vector<Space<T>> taps_, inputs_;
  Space<T> coarsest_;
};

// What comes before each level's first frame, [batch, frames, n_hid]; nothing where that is zeros.
using Histories = std::vector<at::Tensor>;

// Threads share time out: each begins early enough to have all that its first frame depends on.
template <int kN, typename T>
void run_through(const CausalBlock<T>& b, const T* expanded, T* merged, const Histories& past,
                 const Histories& kept) {
  constexpr int64_t kReach = Pass<kN, T>::kReach;
  const Shape& s = b.shape;
  const int64_t n_coarse = s.frames / b.n_fine(), size = b.n_fine() * s.n_hid;
  const int64_t n_past = Pass<kN, T>::kPast * s.n_hid;
  const int64_t n_parts =
      std::max<int64_t>(1, std::min<int64_t>(at::get_num_threads(), n_coarse / (4 * kReach)));
  at::parallel_for(0, s.batch * n_parts, 1, [&](int64_t begin, int64_t end) {
    Space<T> unused(size);
    for (int64_t i = begin; i < end; i++) {
      const int64_t item = i / n_parts, part = i % n_parts;
      const int64_t first = n_coarse * part / n_parts, last = n_coarse * (part + 1) / n_parts;
      Pass<kN, T> pass(b);
      for (size_t k = 0; part == 0 && k < past.size(); k++) {
        std::copy_n(past[k].const_data_ptr<T>() + item * n_past, n_past, pass.past(k));
      }
      for (int64_t t = part == 0 ? 0 : first - kReach; t < last; t++) {
        const int64_t at = (item * n_coarse + t) * size;
        pass.run(expanded + at, t < first ? unused.data() : merged + at);
      }
      for (size_t k = 0; part == n_parts - 1 && k < kept.size(); k++) {
        std::copy_n(pass.past(k), n_past, kept[k].data_ptr<T>() + item * n_past);
      }
    }
  });
}

// The residual sum: what was contracted lacks its bias, and its gain where it has one.
template <typename T>
void add_contracted(const CausalBlock<T>& b, const T* features, const T* contracted, T* out) {
  const int64_t n_chan = b.shape.n_bn;
  const T* bias = b.at(b.layout.contract + 1);
  const T gain = b.layout.gain < 0 ? T(1) : *b.at(b.layout.gain);
  for (int64_t t = 0; t < b.shape.batch * b.shape.frames; t++) {
    over_lanes<T>(n_chan, [&](int64_t c, auto lanes) {
      using V = decltype(lanes);
      const int64_t at = t * n_chan + c;
      const V added = load<V>(contracted + at) + load<V>(bias + c);
      store(out + at, load<V>(features + at) + gain * added);
    });
  }
}

}  // namespace

std::tuple<at::Tensor, std::vector<at::Tensor>> causal_block(const at::Tensor& features,
                                                             at::TensorList parameters,
                                                             at::TensorList past, int64_t depth,
                                                             c10::string_view variant) {
  const CausalLayout layout = causal_layout_of(variant, depth);
  TORCH_CHECK(int64_t(parameters.size()) == layout.size, "a causal block of ", depth,
              " levels has ", layout.size, " parameters, not ", parameters.size());
  const at::Tensor x = features.transpose(1, 2).contiguous();  // [batch, frames, n_bn]
  const Shape s{x.size(0), x.size(2), parameters[0].size(0), x.size(1), depth};
  TORCH_CHECK(s.frames % (int64_t(1) << (depth - 1)) == 0, s.frames, " frames are no multiple of ",
              int64_t(1) << (depth - 1));
  const at::Tensor expanded = at::empty({s.batch, s.frames, s.n_hid}, x.options());
  const at::Tensor merged = at::empty_like(expanded), contracted = at::empty_like(x);
  const at::Tensor out = at::empty_like(x);
  Histories before, kept, returned;
  for (const at::Tensor& level : past) {
    before.push_back(level.transpose(1, 2).contiguous());
    kept.push_back(at::empty_like(before.back()));
    returned.push_back(kept.back().transpose(1, 2));
  }
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "causal_block", [&] {
    const CausalBlock<scalar_t> b{s, layout, parameters};
    multiply(x, parameters[layout.expand], expanded);
    (variant == "causal_v3" ? run_through<11, scalar_t> : run_through<5, scalar_t>)(
        b, expanded.const_data_ptr<scalar_t>(), merged.data_ptr<scalar_t>(), before, kept);
    multiply(merged, parameters[layout.contract], contracted);
    add_contracted(b, x.const_data_ptr<scalar_t>(), contracted.const_data_ptr<scalar_t>(),
                   out.data_ptr<scalar_t>());
  });
  return {out.transpose(1, 2), returned};
}

}  // namespace sudormrf
