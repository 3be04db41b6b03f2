// Small pictures laid into an image pixel by pixel. Where no graphics card draws, thousands of them a
// frame take a quarter of the time that as many calls of drawImage do.

const OPAQUE = 0xff;

/** What `PixelBoard.lay` lays: the pixels of a canvas that stands still, and of each row where they
 * begin and end. */
export function pixelsOf(canvas) {
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  const pixels = new Uint32Array(data.buffer);
  const begins = [];
  const ends = [];
  for (let y = 0; y < height; y += 1) {
    const row = pixels.subarray(y * width, (y + 1) * width);
    begins.push(Math.max(0, row.findIndex((pixel) => pixel !== 0)));
    ends.push(row.findLastIndex((pixel) => pixel !== 0) + 1);
  }
  return { width, height, pixels, begins, ends };
}

export class PixelBoard {
  /** Make it as large as the canvas, and empty. */
  wipe({ width, height }) {
    if (this.image?.width === width && this.image.height === height) {
      this.pixels.fill(0);
      return;
    }
    this.image = new ImageData(width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  /** Lay a stamp over what is there, its left upper corner at whole pixels; what stands out is cut. */
  lay(stamp, left, top) {
    const { width, height } = this.image;
    const { pixels: laid, begins, ends, width: laidWidth } = stamp;
    const { pixels } = this;
    const lastY = Math.min(stamp.height, height - top);
    for (let y = Math.max(0, -top); y < lastY; y += 1) {
      const begin = Math.max(begins[y], -left);
      const end = Math.min(ends[y], width - left);
      let to = (top + y) * width + left + begin;
      for (let from = y * laidWidth + begin; from < y * laidWidth + end; from += 1, to += 1) {
        const over = laid[from];
        const alpha = over >>> 24;
        if (alpha === OPAQUE || pixels[to] >>> 24 === 0) pixels[to] = over;
        else pixels[to] = blend(over, pixels[to], alpha);
      }
    }
  }

  /** Put it onto the canvas, instead of what was there. */
  show(context) {
    context.putImageData(this.image, 0, 0);
  }
}

/** Red, green and blue by the alpha of what lies above; as opaque as the more opaque of the two. */
function blend(over, under, alpha) {
  let mixed = Math.max(alpha, under >>> 24) << 24;
  for (let shift = 0; shift < 24; shift += 8) {
    const above = (over >>> shift) & 0xff;
    const below = (under >>> shift) & 0xff;
    mixed |= ((above * alpha + below * (OPAQUE - alpha) + 127) / OPAQUE) << shift;
  }
  return mixed >>> 0;
}
