// What is done to a few frames of neighbouring channels while they are in the first cache.
//
// Features lie as [frames, channels], so that vectors hold channels side by side, whatever the
// stride in time. `pitch` is the distance from a frame to the next. Some frames are done at once, so
// that parameters are loaded once for them. Vectors are those of GCC and Clang, for any processor.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

namespace sudormrf {

// Inlines all that a function calls, and the function nowhere: a closure that stays in memory is read
// again after each store, which for all that the compiler knows may have changed it.
#define SUDORMRF_FLAT __attribute__((flatten, noinline))

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif

template <typename T>
struct VectorOf {
  typedef T type __attribute__((vector_size(kVectorBytes)));
};

// Frames of some channels in memory, `pitch` from one to the next.
template <typename T>
struct Rows {
  T* data;
  int64_t pitch;

  operator Rows<const T>() const { return {data, pitch}; }
};

constexpr int kTaps = 5;
constexpr int64_t kUnroll = 4;  // frames done at once

template <typename V, typename T>
inline V load(const T* from) {
  V v;
  std::memcpy(&v, from, sizeof(V));
  return v;
}

template <typename V, typename T>
inline void store(T* to, V v) {
  std::memcpy(to, &v, sizeof(V));
}

template <typename V, typename T>
inline void add_to(T* to, V v) {
  store(to, load<V>(to) + v);
}

// Runs `body(c, V())` over channels, V a vector while they fill one, then a number.
template <typename T, typename Body>
inline void over_lanes(int64_t width, Body body) {
  using Vector = typename VectorOf<T>::type;
  constexpr int64_t n_lanes = kVectorBytes / sizeof(T);
  int64_t c = 0;
  for (; c + n_lanes <= width; c += n_lanes) body(c, Vector{});
  for (; c < width; c++) body(c, T{});
}

// `body(r)` for 0 <= r < n, written out, so that vectors in arrays stay in registers.
template <int n, typename Body>
inline void repeat(Body body) {
  [&]<int... r>(std::integer_sequence<int, r...>) {
    (body(std::integral_constant<int, r>()), ...);
  }(std::make_integer_sequence<int, n>());
}

// `body(n)`, n being a constant of at most `most`.
template <int most, typename Body>
inline void as_constant(int64_t n, Body body) {
  if (n == most) return body(std::integral_constant<int, most>());
  if constexpr (most > 1) as_constant<most - 1>(n, body);
}

// Runs `body(first, n)` over frames, kUnroll of them at a time, `n` being a constant.
template <typename Body>
inline void in_groups(int64_t frames, Body body) {
  int64_t t = 0;
  for (; t + kUnroll <= frames; t += kUnroll) body(t, std::integral_constant<int, kUnroll>());
  for (; t < frames; t++) body(t, std::integral_constant<int, 1>());
}

// Normalise and activate: scale x + shift, then a slope below zero where there is one.
template <typename T>
struct Pointwise {
  const T* scale;
  const T* shift;
  const T* slope;

  Pointwise from(int64_t channel) const {
    return {scale + channel, shift + channel, slope ? slope + channel : nullptr};
  }

  // Its parameters of some channels.
  template <typename V, bool kActivates>
  struct Loaded {
    V scale, shift, slope;

    // The normalised features, before the activation.
    V linear(V x) const { return scale * x + shift; }
    V operator()(V x) const {
      const V y = linear(x), zero{};
      if constexpr (!kActivates) return y;
      return y > zero ? y : slope * y;
    }
  };
  template <typename V, bool kActivates>
  Loaded<V, kActivates> at(int64_t c) const {
    V loaded{};
    if constexpr (kActivates) loaded = load<V>(slope + c);
    return {load<V>(scale + c), load<V>(shift + c), loaded};
  }
  // `body(std::bool_constant)`: with an activation or without.
  template <typename Body>
  void choose(Body body) const {
    slope ? body(std::true_type()) : body(std::false_type());
  }
};

// Sums of the distances from `origin`, and of their squares, of each channel of a block.
template <typename T>
struct Sums {
  const T* origin;
  T* sum;
  T* squares;
};

template <typename T>
SUDORMRF_FLAT
void activate(const T* in, int64_t in_pitch, T* out, int64_t out_pitch, int64_t frames,
              int64_t width, Pointwise<T> f) {
  f.choose([&](auto activates) {
    in_groups(frames, [&](int64_t t, auto n) {
      over_lanes<T>(width, [&](int64_t c, auto lanes) {
        using V = decltype(lanes);
        const T* x = in + t * in_pitch + c;
        T* y = out + t * out_pitch + c;
        const auto g = f.template at<V, activates>(c);
        repeat<n>([&](auto r) { store(y + r * out_pitch, g(load<V>(x + r * in_pitch))); });
      });
    });
  });
}

template <typename T>
SUDORMRF_FLAT
void add_up(const T* in, int64_t pitch, int64_t frames, int64_t width, Sums<T> sums) {
  in_groups(frames, [&](int64_t t, auto n) {
    over_lanes<T>(width, [&](int64_t c, auto lanes) {
      using V = decltype(lanes);
      const T* x = in + t * pitch + c;
      const V origin = load<V>(sums.origin + c);
      V s{}, q{};
      repeat<n>([&](auto r) {
        const V d = load<V>(x + r * pitch) - origin;
        s += d;
        q += d * d;
      });
      add_to(sums.sum + c, s);
      add_to(sums.squares + c, q);
    });
  });
}

// A depth-wise convolution of one channel or vector of channels, from frame to frame.
template <int kStride, bool kSums, typename V, typename T>
struct Convolution {
  V taps[kTaps], bias, window[kTaps];
  V sum{}, squares{};  // of what goes out without the bias

  Convolution(const T* from, int64_t pitch, V added) : bias(added) {
    repeat<kTaps>([&](auto j) { taps[j] = load<V>(from + j * pitch); });
  }

  // The frame whose window the last of `window` have made whole; then they make room for the next.
  V next() {
    V d = taps[0] * window[0];
    repeat<kTaps - 1>([&](auto j) { d += taps[j + 1] * window[j + 1]; });
    if constexpr (kSums) {
      sum += d;
      squares += d * d;
    }
    repeat<kTaps - kStride>([&](auto j) { window[j] = window[j + kStride]; });
    return d + bias;
  }
  void add_sums(Sums<T> sums, int64_t c) const {
    if constexpr (!kSums) return;
    add_to(sums.sum + c, sum);
    add_to(sums.squares + c, squares);
  }
};

// A depth-wise convolution; `in` begins with the first window. Sums are those without the bias.
template <int kStride, bool kSums = true, typename T>
SUDORMRF_FLAT
void convolve(const T* in, int64_t in_pitch, T* out, int64_t out_pitch, int64_t frames,
              int64_t width, const T* taps, int64_t taps_pitch, const T* bias, Sums<T> sums) {
  over_lanes<T>(width, [&](int64_t c, auto lanes) {
    using V = decltype(lanes);
    Convolution<kStride, kSums, V, T> of(taps + c, taps_pitch, load<V>(bias + c));
    constexpr int n_known = kTaps - kStride;
    repeat<n_known>([&](auto j) { of.window[j] = load<V>(in + j * in_pitch + c); });
    const T* from = in + n_known * in_pitch + c;
    for (int64_t t = 0; t < frames; t++) {
      repeat<kStride>([&](auto j) { of.window[n_known + j] = load<V>(from + j * in_pitch); });
      store(out + t * out_pitch + c, of.next());
      from += kStride * in_pitch;
    }
    of.add_sums(sums, c);
  });
}

// The same of stride 1, without a bias, of what comes in normalised and activated: n_in frames,
// then zeros. `past` [taps - 1, pitch] are the frames before these, activated.
template <bool kSums, typename T>
SUDORMRF_FLAT
void activate_and_convolve(const T* in, int64_t in_pitch, int64_t n_in, T* past, T* out,
                           int64_t pitch, int64_t frames, int64_t width, const T* taps,
                           int64_t taps_pitch, Pointwise<T> f, Sums<T> sums) {
  f.choose([&](auto activates) {
    over_lanes<T>(width, [&](int64_t c, auto lanes) {
      using V = decltype(lanes);
      constexpr int n_past = kTaps - 1;
      const auto g = f.template at<V, activates>(c);
      Convolution<1, kSums, V, T> of(taps + c, taps_pitch, V{});
      repeat<n_past>([&](auto j) { of.window[j] = load<V>(past + j * pitch + c); });
      for (int64_t t = 0; t < n_in; t++) {
        of.window[n_past] = g(load<V>(in + t * in_pitch + c));
        store(out + t * pitch + c, of.next());
      }
      of.window[n_past] = V{};
      for (int64_t t = n_in; t < frames; t++) store(out + t * pitch + c, of.next());
      repeat<n_past>([&](auto j) { store(past + j * pitch + c, of.window[j]); });
      of.add_sums(sums, c);
    });
  });
}

// The two frames at the time of a coarse one: it, and the fine frames, normalised.
template <typename T>
SUDORMRF_FLAT
void upsample_and_add(const T* coarse, const T* fine, int64_t pitch, T* out, int64_t out_pitch,
                      int64_t width, Pointwise<T> f) {
  f.choose([&](auto activates) {
    over_lanes<T>(width, [&](int64_t c, auto lanes) {
      using V = decltype(lanes);
      const auto g = f.template at<V, activates>(c);
      const V up = load<V>(coarse + c);
      store(out + c, up + g(load<V>(fine + c)));
      store(out + out_pitch + c, up + g(load<V>(fine + pitch + c)));
    });
  });
}

}  // namespace sudormrf
