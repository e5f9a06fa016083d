// The forward of a causal network's U-ConvBlock. Its norms are of one frame each, so that a block
// runs through time once, and what a few frames go through stays in the nearest caches.
#include <ATen/Dispatch.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <type_traits>

#include "operators.h"
#include "passes.h"

namespace sudormrf {
namespace {

constexpr int64_t kPast = kTaps - 1;  // earlier frames that a window sees
constexpr int64_t kReach = 5;         // coarse frames that one and its copies depend on, itself included

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

// The norm of a frame over its channels, then an activation where there is a slope.
template <typename T>
struct FrameNorm {
  const T* gain;
  const T* bias;
  const T* slope;  // one for all channels

  void operator()(const T* in, T* out, int64_t n_chan) const {
    const T mean = sum_over<T>(n_chan, [&](int64_t c, auto lanes) {
      return load<decltype(lanes)>(in + c);
    }) / n_chan;
    const T squares = sum_over<T>(n_chan, [&](int64_t c, auto lanes) {
      const auto distance = load<decltype(lanes)>(in + c) - mean;
      return distance * distance;
    });
    const T rate = 1 / std::sqrt(squares / n_chan + T(kEps));
    const T below = slope ? *slope : T(1);
    over_lanes<T>(n_chan, [&](int64_t c, auto lanes) {
      using V = decltype(lanes);
      const V zero{};
      const V y = (load<V>(in + c) - mean) * rate * load<V>(gain + c) + load<V>(bias + c);
      const V scaled = below * y;
      store(out + c, y > zero ? y : scaled);
    });
  }
};

// A depth-wise convolution; `in` begins with the first window.
template <int kStride, typename T>
void convolve_rows(const T* in, T* out, int64_t frames, int64_t n_chan, const T* taps,
                   const T* bias) {
  in_groups(frames, [&](int64_t t, auto n) {
    over_lanes<T>(n_chan, [&](int64_t c, auto lanes) {
      using V = decltype(lanes);
      constexpr int n_window = (n - 1) * kStride + kTaps;
      const T* x = in + t * kStride * n_chan + c;
      V w[kTaps], window[n_window];
      repeat<kTaps>([&](auto j) { w[j] = load<V>(taps + j * n_chan + c); });
      repeat<n_window>([&](auto i) { window[i] = load<V>(x + i * n_chan); });
      const V b = load<V>(bias + c);
      repeat<n>([&](auto r) {
        V y = b;
        repeat<kTaps>([&](auto j) { y += w[j] * window[r * kStride + j]; });
        store(out + (t + r) * n_chan + c, y);
      });
    });
  });
}

// A block on its way through time, one frame of the coarsest level and its fine ones at a time.
template <typename T>
class Pass {
 public:
  explicit Pass(const Block<T>& b)
      : b_(b), n_chan_(b.shape.n_hid), depth_(b.shape.depth), n_fine_(int64_t(1) << (depth_ - 1)),
        coarsest_(n_chan_) {
    for (int64_t k = 0; k < depth_; k++) {
      taps_.push_back(by_tap(b.at(b.layout.level(k)), n_chan_));
      inputs_.push_back(Space<T>((kPast + n_in(k)) * n_chan_));
    }
  }

  // The kPast frames before the next window of level k, zeros at first.
  T* past(int64_t k) { return inputs_[k].data(); }

  // From n_fine frames of the expanded features, without their bias, to the merged ones, activated.
  void run(const T* expanded, T* merged) {
    const Layout& l = b_.layout;
    const T* added = b_.at(l.expand + 1);
    const FrameNorm<T> first{b_.at(l.expand_norm), b_.at(l.expand_norm + 1), b_.at(l.expand_slope)};
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
    const FrameNorm<T> last{b_.at(l.merged_norm()), b_.at(l.merged_norm() + 1),
                            b_.at(l.merged_slope())};
    for (int64_t t = 0; t < n_fine_; t++) {
      last(fresh(1) + t * n_chan_, merged + t * n_chan_, n_chan_);
    }
  }

 private:
  int64_t n_in(int64_t k) const { return k == 0 ? n_fine_ : n_fine_ >> (k - 1); }
  // The new frames that level k takes, which level k - 1 gives.
  T* fresh(int64_t k) { return k < depth_ ? inputs_[k].data() + kPast * n_chan_ : coarsest_.data(); }

  void go_down(int64_t k) {
    const int64_t at = b_.layout.level(k), n_out = n_fine_ >> k;
    T* out = fresh(k + 1);
    (k == 0 ? convolve_rows<1, T> : convolve_rows<2, T>)(past(k), out, n_out, n_chan_,
                                                         taps_[k].data(), b_.at(at + 1));
    const FrameNorm<T> norm{b_.at(at + 2), b_.at(at + 3), nullptr};
    for (int64_t t = 0; t < n_out; t++) norm(out + t * n_chan_, out + t * n_chan_, n_chan_);
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

  const Block<T>& b_;
  const int64_t n_chan_, depth_, n_fine_;
  std::vector<Space<T>> taps_, inputs_;
  Space<T> coarsest_;
};

// What comes before each level's first frame, [batch, kPast, n_hid]; nothing where that is zeros.
using Histories = std::vector<at::Tensor>;

// Threads share time out: each begins early enough to have all that its first frame depends on.
template <typename T>
void run_through(const Block<T>& b, const T* expanded, T* merged, const Histories& past,
                 const Histories& kept) {
  const Shape& s = b.shape;
  const int64_t n_fine = int64_t(1) << (s.depth - 1), n_coarse = s.frames / n_fine;
  const int64_t n_parts =
      std::max<int64_t>(1, std::min<int64_t>(at::get_num_threads(), n_coarse / (4 * kReach)));
  const int64_t n_past = kPast * s.n_hid, size = n_fine * s.n_hid;
  at::parallel_for(0, s.batch * n_parts, 1, [&](int64_t begin, int64_t end) {
    Space<T> unused(size);
    for (int64_t i = begin; i < end; i++) {
      const int64_t item = i / n_parts, part = i % n_parts;
      const int64_t first = n_coarse * part / n_parts, last = n_coarse * (part + 1) / n_parts;
      Pass<T> pass(b);
      if (part == 0) {
        for (size_t k = 0; k < past.size(); k++) {
          std::copy_n(past[k].const_data_ptr<T>() + item * n_past, n_past, pass.past(k));
        }
      }
      for (int64_t t = part == 0 ? 0 : first - kReach; t < last; t++) {
        const int64_t at = (item * n_coarse + t) * size;
        pass.run(expanded + at, t < first ? unused.data() : merged + at);
      }
      if (part == n_parts - 1) {
        for (size_t k = 0; k < kept.size(); k++) {
          std::copy_n(pass.past(k), n_past, kept[k].data_ptr<T>() + item * n_past);
        }
      }
    }
  });
}

// The residual sum: what was contracted lacks its bias.
template <typename T>
void add_contracted(const T* features, const T* contracted, const T* bias, T* out, int64_t frames,
                    int64_t n_chan) {
  for (int64_t t = 0; t < frames; t++) {
    over_lanes<T>(n_chan, [&](int64_t c, auto lanes) {
      using V = decltype(lanes);
      const int64_t at = t * n_chan + c;
      store(out + at, load<V>(features + at) + (load<V>(contracted + at) + load<V>(bias + c)));
    });
  }
}

}  // namespace

std::tuple<at::Tensor, std::vector<at::Tensor>> causal_block(const at::Tensor& features,
                                                             at::TensorList parameters,
                                                             at::TensorList past, int64_t depth) {
  const Layout layout = layout_of("improved", depth);
  TORCH_CHECK(int64_t(parameters.size()) == layout.size(), "a causal block of ", depth,
              " levels has ", layout.size(), " parameters, not ", parameters.size());
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
    const Block<scalar_t> b{s, layout, parameters, Norm::kChannel, {nullptr, 0}};
    multiply(x, parameters[layout.expand], expanded);
    run_through(b, expanded.const_data_ptr<scalar_t>(), merged.data_ptr<scalar_t>(), before, kept);
    multiply(merged, parameters[layout.contract()], contracted);
    add_contracted(x.const_data_ptr<scalar_t>(), contracted.const_data_ptr<scalar_t>(),
                   b.at(layout.contract() + 1), out.data_ptr<scalar_t>(), s.batch * s.frames,
                   s.n_bn);
  });
  return {out.transpose(1, 2), returned};
}

}  // namespace sudormrf
