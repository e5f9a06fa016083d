// Matrix products of features and a point-wise convolution's weights.
//
// What is done to each number that comes in is done on the way, and the moments of what goes out
// are summed while it is in the first cache: neither takes a pass over memory of its own.
#pragma once

#include <ATen/ops/empty.h>

#include "threads.h"

namespace sudormrf {

// Vectors of channels that are summed up in registers for each of kRows frames: two sums for each
// step that a multiply-add takes, and few loads.
constexpr int kVectors = 2;

// Features [frames, n_in] times weights [n_in, a panel of n_out] for some frames.
template <int kFrames, typename T>
SUDORMRF_FLAT
void multiply_frames(const T* in, int64_t in_pitch, const T* panel, int64_t n_in, T* out,
                     int64_t out_pitch) {
  using V = typename VectorOf<T>::type;
  constexpr int64_t n_lanes = kVectorBytes / sizeof(T);
  V sums[kFrames][kVectors]{};
  for (int64_t i = 0; i < n_in; i++) {
    V weights[kVectors];
    repeat<kVectors>([&](auto v) { weights[v] = load<V>(panel + (i * kVectors + v) * n_lanes); });
    repeat<kFrames>([&](auto t) {
      const T x = in[t * in_pitch + i];
      repeat<kVectors>([&](auto v) { sums[t][v] += x * weights[v]; });
    });
  }
  repeat<kFrames>([&](auto t) {
    repeat<kVectors>([&](auto v) { store(out + t * out_pitch + v * n_lanes, sums[t][v]); });
  });
}

// Channels of a panel: what is summed up in registers for a frame.
template <typename T>
constexpr int64_t kPanel = kVectors * kVectorBytes / sizeof(T);
static_assert(kNarrow % kPanel<float> == 0, "a tile holds whole panels");

// Weights [n_out, n_in, 1] as a product reads them, [panels, n_in, channels of a panel].
template <typename T>
at::Tensor to_panels(const at::Tensor& weight) {
  const int64_t n_out = weight.size(0), n_in = weight.size(1), width = kPanel<T>;
  const at::Tensor panels = at::empty({(n_out + width - 1) / width, n_in, width}, weight.options());
  const T* rows = weight.const_data_ptr<T>();
  const int64_t pitch = weight.stride(0), step = weight.stride(1);
  T* to = panels.data_ptr<T>();
  for (int64_t first = 0; first < n_out; first += width) {
    for (int64_t i = 0; i < n_in; i++, to += width) {
      for (int64_t j = 0; j < width; j++) {
        to[j] = first + j < n_out ? rows[(first + j) * pitch + i * step] : T(0);
      }
    }
  }
  return panels;
}

// A point-wise convolution without its bias.
template <typename T>
class Product {
 public:
  Product(const at::Tensor& panels, int64_t n_in, int64_t n_out)
      : n_out_(n_out), n_in_(n_in), n_panels_(panels.size(0)), panels_(panels),
        weights_(panels.const_data_ptr<T>()) {
    TORCH_CHECK(n_panels_ == (n_out + kWide - 1) / kWide && panels.size(1) == n_in &&
                    panels.size(2) == kWide,
                "weights were packed for another product");
  }

  // From `in`, of one tile, to `out`: threads share out the channels that go out. `moments` are
  // those of what comes out and of `added` to it.
  void run_by_channels(Features<const T> in, Features<T> out, int64_t batch, const T* added,
                       std::vector<Moments>& moments) const {
    at::parallel_for(0, batch * n_panels_, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++) {
        const int64_t item = i / n_panels_, p = i % n_panels_, c = p * kWide;
        Accumulator<T, kWide> accumulator(out.at(item, 0, c), width_of(p));
        for (int64_t t = 0; t < in.frames; t += kMostFrames) {
          const int64_t frames = std::min(kMostFrames, in.frames - t);
          T* to = out.at(item, t, c);
          run_panel(in.at(item, t, 0), in.tile, frames, p, to, out.tile);
          add_up(to, out.tile, frames, width_of(p), accumulator.sums());
          accumulator.flush();
        }
        accumulator.finish(in.frames, added + c, moments.data() + item * n_out_ + c);
      }
    });
  }

  // To `out`, of one tile: threads share out frames. `table` says what is done on the way, and
  // `moments` are those of what comes out and of `added` to it, if they are not null.
  void run_by_frames(Features<const T> in, const Table<T>* table, Features<T> out, int64_t batch,
                     const T* added = nullptr, std::vector<Moments>* moments = nullptr) const {
    const bool copies = table || in.tile < in.n_chan;
    const int64_t pitch = n_in_ + kVectorBytes / sizeof(T);
    const FrameBlocks blocks{in.frames};
    BlockSums<T> sums(blocks, moments ? batch : 0, n_out_);
    blocks.share_out(
        batch, [&] { return Scratch<T>(copies ? kMostFrames * pitch : 0); },
        [&](int64_t i, int64_t item, int64_t t, int64_t frames, Scratch<T>& space) {
          Rows<const T> from{in.at(item, t, 0), in.tile};
          if (copies) {
            prepare(in, table, item, t, frames, space.data(), pitch);
            from = {space.data(), pitch};
          }
          const Rows<T> to{out.at(item, t, 0), out.tile};
          run(from, to, frames);
          if (moments) sums.add(i, to, frames);
        });
    for (int64_t item = 0; item < batch && moments; item++) {
      sums.finish(item, added, moments->data() + item * n_out_);
    }
  }

  // Some frames, to all channels.
  void run(Rows<const T> in, Rows<T> out, int64_t frames) const {
    for (int64_t p = 0; p < n_panels_; p++) {
      run_panel(in.data, in.pitch, frames, p, out.data + p * kWide, out.pitch);
    }
  }
  // To some channels, which begin with a panel and go out by themselves.
  void run(Rows<const T> in, Rows<T> out, int64_t frames, const Channels& at) const {
    for (int64_t c = 0; c < at.width; c += kWide) {
      run_panel(in.data, in.pitch, frames, (at.first + c) / kWide, out.data + c, out.pitch);
    }
  }

 private:
  static constexpr int64_t kWide = kPanel<T>;

  void prepare(Features<const T> in, const Table<T>* table, int64_t item, int64_t t,
               int64_t frames, T* to, int64_t pitch) const {
    for (int64_t c = 0; c < n_in_; c += in.tile) {
      const Channels at{item, c, std::min(in.tile, n_in_ - c)};
      const T* from = in.at(at, t);
      if (table) {
        activate(from, in.tile, to + c, pitch, frames, at.width, table->of(at));
      } else {
        for (int64_t r = 0; r < frames; r++) {
          std::copy_n(from + r * in.tile, at.width, to + r * pitch + c);
        }
      }
    }
  }

  void run_panel(const T* in, int64_t pitch, int64_t frames, int64_t p, T* out,
                 int64_t out_pitch) const {
    const T* panel = weights_ + p * n_in_ * kWide;
    alignas(64) T narrow[kRows * kWide];
    for (int64_t t = 0; t < frames; t += kRows) {
      const int64_t n = std::min<int64_t>(kRows, frames - t);
      T* to = out + t * out_pitch;
      const bool is_whole = width_of(p) == kWide;
      as_constant<kRows>(n, [&](auto count) {
        multiply_frames<count>(in + t * pitch, pitch, panel, n_in_, is_whole ? to : narrow,
                               is_whole ? out_pitch : kWide);
      });
      for (int64_t r = 0; r < n && !is_whole; r++) {
        std::copy_n(narrow + r * kWide, width_of(p), to + r * out_pitch);
      }
    }
  }
  int64_t width_of(int64_t p) const { return std::min(kWide, n_out_ - p * kWide); }

  int64_t n_out_, n_in_, n_panels_;
  at::Tensor panels_;
  const T* weights_;
};

}  // namespace sudormrf
