// Backward of what rows.h does.
#pragma once

#include "block.h"

namespace sudormrf {

// A norm and its activation with all that its backward wants, of each channel.
template <typename T>
struct Slopes {
  const T *rate, *offset, *gain, *bias, *slope;  // forward
  const T *of_gradient, *of_normalised, *constant;  // backward, once the sums are known

  Slopes from(int64_t c) const {
    return {rate + c,  offset + c,      gain + c,          bias + c,
            slope + c, of_gradient + c, of_normalised + c, constant + c};
  }
};

// Sums over frames, of each channel: gradients of a norm's bias and gain, and of the slope.
template <typename T>
struct GradientSums {
  T *bias, *gain, *slope;
};

template <typename T>
SUDORMRF_FLAT
void sum_gradients(const T* x, const T* gradient, int64_t pitch, int64_t frames, int64_t width,
                   Slopes<T> f, GradientSums<T> sums) {
  in_groups(frames, [&](int64_t t, auto n) {
    over_lanes<T>(width, [&](int64_t c, auto lanes) {
      using V = decltype(lanes);
      const int64_t at = t * pitch + c;
      const V rate = load<V>(f.rate + c), offset = load<V>(f.offset + c), zero{};
      const V gain = load<V>(f.gain + c), bias = load<V>(f.bias + c), slope = load<V>(f.slope + c);
      V of_bias{}, of_gain{}, of_slope{};
      repeat<n>([&](auto r) {
        const V g = load<V>(gradient + at + r * pitch);
        const V normalised = rate * load<V>(x + at + r * pitch) + offset;
        const V y = gain * normalised + bias;
        const V before = y > zero ? g : slope * g;
        of_bias += before;
        of_gain += before * normalised;
        of_slope += g * (y > zero ? zero : y);
      });
      add_to(sums.bias + c, of_bias);
      add_to(sums.gain + c, of_gain);
      add_to(sums.slope + c, of_slope);
    });
  });
}

// The gradient of a norm's input, and its sum. `out` may be `gradient`.
template <typename T>
SUDORMRF_FLAT
void through_norm(const T* x, const T* gradient, T* out, int64_t pitch, int64_t frames,
                  int64_t width, Slopes<T> f, T* sum) {
  in_groups(frames, [&](int64_t t, auto n) {
    over_lanes<T>(width, [&](int64_t c, auto lanes) {
      using V = decltype(lanes);
      const int64_t at = t * pitch + c;
      const V rate = load<V>(f.rate + c), offset = load<V>(f.offset + c), zero{};
      const V gain = load<V>(f.gain + c), bias = load<V>(f.bias + c), slope = load<V>(f.slope + c);
      const V of_gradient = load<V>(f.of_gradient + c), constant = load<V>(f.constant + c);
      const V of_normalised = load<V>(f.of_normalised + c);
      V total{};
      repeat<n>([&](auto r) {
        const V g = load<V>(gradient + at + r * pitch);
        const V normalised = rate * load<V>(x + at + r * pitch) + offset;
        const V before = gain * normalised + bias > zero ? g : slope * g;
        const V result = of_gradient * before + (of_normalised * normalised + constant);
        total += result;
        store(out + at + r * pitch, result);
      });
      add_to(sum + c, total);
    });
  });
}

// Gradients of the taps, `sums` being [taps, kWidth]; `window` begins with the first window.
template <int kStride, typename T>
SUDORMRF_FLAT
void sum_taps(const T* window, const T* gradient, int64_t pitch, int64_t frames, int64_t width,
              T* sums) {
  in_groups(frames, [&](int64_t t, auto n) {
    over_lanes<T>(width, [&](int64_t c, auto lanes) {
      using V = decltype(lanes);
      constexpr int n_window = (n - 1) * kStride + kTaps;
      const T* x = window + t * kStride * kWidth + c;
      V frames_of[n_window], sum[kTaps];
      repeat<n_window>([&](auto i) { frames_of[i] = load<V>(x + i * kWidth); });
      repeat<kTaps>([&](auto j) { sum[j] = load<V>(sums + j * kWidth + c); });
      repeat<n>([&](auto r) {
        const V g = load<V>(gradient + (t + r) * pitch + c);
        repeat<kTaps>([&](auto j) { sum[j] += g * frames_of[r * kStride + j]; });
      });
      repeat<kTaps>([&](auto j) { store(sums + j * kWidth + c, sum[j]); });
    });
  });
}

// Stride 2: adds to two frames what the outputs before, at and after their time give them.
template <typename T>
SUDORMRF_FLAT
void spread(const T* before, const T* at, const T* after, T* even, T* odd, int64_t width,
            const T* taps, int64_t pitch) {
  over_lanes<T>(width, [&](int64_t c, auto lanes) {
    using V = decltype(lanes);
    V w[kTaps];
    repeat<kTaps>([&](auto j) { w[j] = load<V>(taps + j * pitch + c); });
    const V now = load<V>(at + c), next = load<V>(after + c);
    add_to(even + c, w[0] * next + w[2] * now + w[4] * load<V>(before + c));
    add_to(odd + c, w[1] * next + w[3] * now);
  });
}

// Stride 1: the same, for one frame that is given by five outputs.
template <typename T>
SUDORMRF_FLAT
void spread(const T* const* outputs, T* to, int64_t width, const T* taps, int64_t pitch) {
  over_lanes<T>(width, [&](int64_t c, auto lanes) {
    using V = decltype(lanes);
    V sum{};
    repeat<kTaps>([&](auto j) {
      sum += load<V>(taps + j * pitch + c) * load<V>(outputs[kTaps - 1 - j] + c);
    });
    store(to + c, sum);
  });
}

}  // namespace sudormrf
