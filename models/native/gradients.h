// Backward of what rows.h does.
#pragma once

#include "block.h"

namespace sudormrf {

// A norm with its activation, and what its backward wants, of each channel.
template <typename T>
struct Slopes {
  const T *rate, *offset;                  // normalised, it is rate x + offset
  const T *scale, *shift, *slope;          // what comes out, as Pointwise has it
  const T *of_gradient, *of_x, *constant;  // what the input's gradient is made of
};

// Sums over frames, of each channel: gradients of a norm's bias and gain, and of the slope.
template <typename T>
struct GradientSums {
  T *bias, *gain, *slope;
};

template <bool kActivates, typename T>
SUDORMRF_FLAT
void sum_gradients(const T* x, int64_t x_pitch, const T* gradient, int64_t gradient_pitch,
                   int64_t frames, int64_t width, Slopes<T> f, GradientSums<T> sums) {
  in_groups(frames, [&](int64_t t, auto n) {
    over_lanes<T>(width, [&](int64_t c, auto lanes) {
      using V = decltype(lanes);
      const V rate = load<V>(f.rate + c), offset = load<V>(f.offset + c), zero{};
      const V scale = load<V>(f.scale + c), shift = load<V>(f.shift + c);
      const V slope = load<V>(f.slope + c);
      V of_bias{}, of_gain{}, of_slope{};
      repeat<n>([&](auto r) {
        const V in = load<V>(x + (t + r) * x_pitch + c);
        V g = load<V>(gradient + (t + r) * gradient_pitch + c);
        if constexpr (kActivates) {
          const V y = scale * in + shift;
          of_slope += g * (y > zero ? zero : y);
          g = y > zero ? g : slope * g;
        }
        of_bias += g;
        of_gain += g * (rate * in + offset);
      });
      add_to(sums.bias + c, of_bias);
      add_to(sums.gain + c, of_gain);
      if constexpr (kActivates) add_to(sums.slope + c, of_slope);
    });
  });
}

// The gradient of a norm's input, and its sum. `out` may be `gradient`.
template <bool kActivates, typename T>
SUDORMRF_FLAT
void through_norm(const T* x, int64_t x_pitch, const T* gradient, int64_t gradient_pitch, T* out,
                  int64_t out_pitch, int64_t frames, int64_t width, Slopes<T> f, T* sum) {
  in_groups(frames, [&](int64_t t, auto n) {
    over_lanes<T>(width, [&](int64_t c, auto lanes) {
      using V = decltype(lanes);
      const V scale = load<V>(f.scale + c), shift = load<V>(f.shift + c), zero{};
      const V slope = load<V>(f.slope + c), of_gradient = load<V>(f.of_gradient + c);
      const V of_x = load<V>(f.of_x + c), constant = load<V>(f.constant + c);
      V total{};
      repeat<n>([&](auto r) {
        const V in = load<V>(x + (t + r) * x_pitch + c);
        V g = load<V>(gradient + (t + r) * gradient_pitch + c);
        if constexpr (kActivates) g = scale * in + shift > zero ? g : slope * g;
        const V result = of_gradient * g + (of_x * in + constant);
        total += result;
        store(out + (t + r) * out_pitch + c, result);
      });
      add_to(sum + c, total);
    });
  });
}

// Gradients of the taps, `sums` being [taps, kTile]; `window` begins with the first window.
template <int kStride, typename T>
SUDORMRF_FLAT
void sum_taps(const T* window, const T* gradient, int64_t pitch, int64_t frames, int64_t width,
              T* sums) {
  in_groups(frames, [&](int64_t t, auto n) {
    over_lanes<T>(width, [&](int64_t c, auto lanes) {
      using V = decltype(lanes);
      constexpr int n_window = (n - 1) * kStride + kTaps;
      const T* x = window + t * kStride * kTile + c;
      V frames_of[n_window], sum[kTaps];
      repeat<n_window>([&](auto i) { frames_of[i] = load<V>(x + i * kTile); });
      repeat<kTaps>([&](auto j) { sum[j] = load<V>(sums + j * kTile + c); });
      repeat<n>([&](auto r) {
        const V g = load<V>(gradient + (t + r) * pitch + c);
        repeat<kTaps>([&](auto j) { sum[j] += g * frames_of[r * kStride + j]; });
      });
      repeat<kTaps>([&](auto j) { store(sums + j * kTile + c, sum[j]); });
    });
  });
}

// What the outputs of a convolution give the frames at their time. `gradient` begins with the
// kReach<kStride> outputs before them, and as many follow. Stride 1 writes, stride 2 adds.
template <int kStride>
constexpr int64_t kReach = kStride == 1 ? kTaps / 2 : kTaps / 4;

template <int kStride, typename T>
SUDORMRF_FLAT
void spread(const T* gradient, int64_t gradient_pitch, T* to, int64_t pitch, int64_t frames,
            int64_t width, const T* taps, int64_t taps_pitch) {
  over_lanes<T>(width, [&](int64_t c, auto lanes) {
    using V = decltype(lanes);
    constexpr int n_seen = 2 * kReach<kStride> + 1;
    V w[kTaps], seen[n_seen];
    repeat<kTaps>([&](auto j) { w[j] = load<V>(taps + j * taps_pitch + c); });
    const auto output = [&](int64_t t) { return load<V>(gradient + t * gradient_pitch + c); };
    repeat<n_seen - 1>([&](auto i) { seen[i + 1] = output(i); });
    for (int64_t t = 0; t < frames; t++) {
      repeat<n_seen - 1>([&](auto i) { seen[i] = seen[i + 1]; });
      seen[n_seen - 1] = output(t + n_seen - 1);
      T* at = to + kStride * t * pitch + c;
      if constexpr (kStride == 1) {
        V sum = w[0] * seen[4];
        repeat<kTaps - 1>([&](auto j) { sum += w[j + 1] * seen[kTaps - 2 - j]; });
        store(at, sum);
      } else {
        add_to(at, w[0] * seen[2] + w[2] * seen[1] + w[4] * seen[0]);
        add_to(at + pitch, w[1] * seen[2] + w[3] * seen[1]);
      }
    }
  });
}

// The gradient of upsampling: each coarse frame takes the sum of two fine ones.
template <typename T>
SUDORMRF_FLAT
void gather(const T* finer, T* out, int64_t pitch, int64_t frames, int64_t width) {
  in_groups(frames, [&](int64_t t, auto n) {
    over_lanes<T>(width, [&](int64_t c, auto lanes) {
      using V = decltype(lanes);
      repeat<n>([&](auto r) {
        const T* x = finer + 2 * (t + r) * pitch + c;
        store(out + (t + r) * pitch + c, load<V>(x) + load<V>(x + pitch));
      });
    });
  });
}

}  // namespace sudormrf
