// The way back through a norm and its activation: sums over all frames, then each frame.
#pragma once

#include "gradients.h"

namespace sudormrf {

template <typename T>
Rows<T> rows_at(const Features<T>& features, Channels at, int64_t t) {
  return {features.at(at, t), features.tile};
}

// Where a norm lies: which of the block's, its channels and frames, and its parameters, of which -1
// stands for none. `bias` is what was added before it; what comes in may lack it.
struct Place {
  int64_t which, n_chan, frames, norm, slope, bias;
  bool lacks_bias;
};

template <typename T>
class NormGradient {
 public:
  NormGradient(const Block<T>& block, const Place& place)
      : b_(block), at_(place), size_(block.shape.batch * place.n_chan), values_(8 * size_),
        sums_(4 * size_) {
    const Statistics<T> statistics = b_.statistics[at_.which];
    for (int64_t i = 0; i < size_; i++) {
      const int64_t c = i % at_.n_chan;
      const T added = at_.lacks_bias ? b_.at(at_.bias)[c] : T(0);
      const T rate = has_norm() ? statistics.rate[i] : T(1), gain = gain_of(c);
      const T offset = has_norm() ? (added - statistics.mean[i]) * rate : added;
      value(kRate)[i] = rate;
      value(kOffset)[i] = offset;
      value(kScale)[i] = gain * rate;
      value(kShift)[i] = gain * offset + (has_norm() ? b_.at(at_.norm + 1)[c] : T(0));
      value(kSlope)[i] = b_.slope(at_.slope, c);
    }
  }

  // Adds some frames of some channels to the sums.
  void sum(Channels at, Rows<const T> x, Rows<const T> gradient, int64_t frames) {
    const int64_t to = at.index(at_.n_chan);
    const GradientSums<T> sums{total(kOfBias) + to, total(kOfGain) + to, total(kOfSlope) + to};
    choose([&](auto activates) {
      sum_gradients<activates>(x.data, x.pitch, gradient.data, gradient.pitch, frames, at.width,
                               slopes(to), sums);
    });
  }

  // A norm's backward is linear in each channel: rate (gain g - mean(gain g) - n mean(gain g n)),
  // n being the normalised input and the means over what its moments were taken of.
  void settle() {
    const int64_t n = at_.n_chan;
    for (int64_t item = 0; item < b_.shape.batch; item++) {
      double of_bias = 0, of_gain = 0;
      for (int64_t c = 0; c < n; c++) {
        of_bias += gain_of(c) * double(total(kOfBias)[item * n + c]) / (n * at_.frames);
        of_gain += gain_of(c) * double(total(kOfGain)[item * n + c]) / (n * at_.frames);
      }
      for (int64_t c = 0, i = item * n; c < n; c++, i++) {
        if (b_.norm == Norm::kChannel) {
          of_bias = gain_of(c) * double(total(kOfBias)[i]) / at_.frames;
          of_gain = gain_of(c) * double(total(kOfGain)[i]) / at_.frames;
        }
        const T rate = value(kRate)[i];
        value(kOfGradient)[i] = value(kScale)[i];
        value(kOfX)[i] = has_norm() ? -rate * rate * of_gain : 0;
        value(kConstant)[i] =
            has_norm() ? -rate * (of_bias + value(kOffset)[i] * of_gain) : 0;
      }
    }
  }

  // The gradient of some frames of what came in; `out` may be `gradient`.
  void through(Channels at, Rows<const T> x, Rows<const T> gradient, Rows<T> out,
               int64_t frames) {
    const int64_t to = at.index(at_.n_chan);
    choose([&](auto activates) {
      through_norm<activates>(x.data, x.pitch, gradient.data, gradient.pitch, out.data, out.pitch,
                              frames, at.width, slopes(to), total(kOfAdded) + to);
    });
  }

  // Adds what was summed to the parameters' gradients.
  void finish(at::TensorList gradients) const {
    if (has_norm()) {
      add(gradients[at_.norm], kOfGain);
      add(gradients[at_.norm + 1], kOfBias);
    }
    if (at_.slope >= 0) add(gradients[at_.slope], kOfSlope);
    if (at_.bias >= 0) add(gradients[at_.bias], kOfAdded);
  }

 private:
  enum Value { kRate, kOffset, kScale, kShift, kSlope, kOfGradient, kOfX, kConstant };
  enum Sum { kOfBias, kOfGain, kOfSlope, kOfAdded };

  bool has_norm() const { return at_.norm >= 0; }
  T gain_of(int64_t c) const { return has_norm() ? b_.at(at_.norm)[c] : T(1); }
  T* value(Value which) { return values_.data() + which * size_; }
  T* total(Sum which) { return sums_.data() + which * size_; }
  Slopes<T> slopes(int64_t from) {
    return {value(kRate) + from,  value(kOffset) + from,     value(kScale) + from,
            value(kShift) + from, value(kSlope) + from,      value(kOfGradient) + from,
            value(kOfX) + from,   value(kConstant) + from};
  }
  template <typename Body>
  void choose(Body body) {
    at_.slope >= 0 ? body(std::true_type()) : body(std::false_type());
  }

  // To a parameter of n_chan numbers or of one.
  void add(const at::Tensor& gradient, Sum which) const {
    T* to = gradient.template data_ptr<T>();
    const T* from = sums_.data() + which * size_;
    const int64_t step = gradient.numel() > 1;
    for (int64_t i = 0; i < size_; i++) to[i % at_.n_chan * step] += from[i];
  }

  const Block<T>& b_;
  Place at_;
  int64_t size_;
  Space<T> values_, sums_;  // each [what, batch, n_chan]
};

}  // namespace sudormrf
