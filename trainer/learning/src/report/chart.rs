//! Line charts as SVG inside a page, whose style colours them.

use std::fmt::Write as _;

use super::page::escape;

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 230.0;
/// Left, right, top and bottom margins of the plot.
const MARGIN: [f64; 4] = [50.0, 14.0, 12.0, 26.0];
/// Maximum number of points drawn per curve; more points are averaged in groups.
const DRAWN: usize = 160;

/// A curve.
pub struct Series {
    /// Name, shown if a chart has several curves.
    pub name: String,
    /// Pairs (x, y), by ascending x.
    pub points: Vec<[f64; 2]>,
}

/// A group of neighbouring points of a curve, drawn as one.
struct Bucket {
    x: f64,
    mean: f64,
    /// The 10th and 90th percentiles of the values.
    band: [f64; 2],
}

/// The part of the plane that a chart shows.
struct Extent {
    /// Lowest and highest x.
    x: [f64; 2],
    /// Lowest and highest height.
    height: [f64; 2],
    logarithmic: bool,
}

impl Extent {
    /// The extent of all buckets; `None` if there is no bucket.
    fn of<'a>(buckets: impl Iterator<Item = &'a Bucket>, logarithmic: bool) -> Option<Self> {
        let mut extent = Self {
            x: [f64::INFINITY, f64::NEG_INFINITY],
            height: [f64::INFINITY, f64::NEG_INFINITY],
            logarithmic,
        };
        let mut is_empty = true;
        for Bucket { x, mean, band } in buckets {
            is_empty = false;
            extent.x = [extent.x[0].min(*x), extent.x[1].max(*x)];
            let [mean, lowest, highest] = [*mean, band[0], band[1]].map(|y| extent.height_of(y));
            let [low, high] = extent.height;
            extent.height = [low.min(mean).min(lowest), high.max(mean).max(highest)];
        }
        let [low, high] = extent.height;
        if high - low < 1e-12 {
            extent.height = [
                low - 0.5 * low.abs().max(1e-6),
                high + 0.5 * high.abs().max(1e-6),
            ];
        }
        (!is_empty).then_some(extent)
    }

    fn height_of(&self, y: f64) -> f64 {
        if self.logarithmic { y.log10() } else { y }
    }

    /// The place of a value in the chart.
    fn place(&self, x: f64, y: f64) -> [f64; 2] {
        let [l, r, t, b] = MARGIN;
        let ([left, right], [low, high]) = (self.x, self.height);
        let span = (right - left).max(1.0);
        [
            l + (x - left) / span * (WIDTH - l - r),
            t + (high - self.height_of(y)) / (high - low) * (HEIGHT - t - b),
        ]
    }

    /// The grid with the labels of both axes.
    fn axes(&self) -> String {
        let mut svg = String::new();
        let ([left, right], [low, high]) = (self.x, self.height);
        for value in ticks(low, high, 4) {
            let value = if self.logarithmic {
                10f64.powf(value)
            } else {
                value
            };
            let [_, y] = self.place(left, value);
            let [x, end] = [MARGIN[0], WIDTH - MARGIN[1]];
            let _ = write!(
                svg,
                "<path class=\"grid\" d=\"M{x} {y:.1}H{end}\"/><text class=\"y\" x=\"{}\" y=\"{:.1}\">{}</text>",
                x - 6.0,
                y + 4.0,
                short(value)
            );
        }
        for value in ticks(left, right, 6) {
            let [x, _] = self.place(value, 1.0);
            let _ = write!(
                svg,
                "<text class=\"x\" x=\"{x:.1}\" y=\"{}\">{}</text>",
                HEIGHT - 6.0,
                short(value)
            );
        }
        svg
    }

    /// Curve number `index`: a line through the means in a band, or a dot.
    fn curve(&self, index: usize, buckets: &[Bucket]) -> String {
        let mut svg = String::new();
        let at = |x: f64, y: f64| self.place(x, y).map(|v| format!("{v:.1}")).join(" ");
        let line =
            |y: fn(&Bucket) -> f64| buckets.iter().map(|b| at(b.x, y(b))).collect::<Vec<_>>();
        let (mean, low, mut high) = (line(|b| b.mean), line(|b| b.band[0]), line(|b| b.band[1]));
        if let [alone] = &mean[..] {
            let (x, y) = alone.split_once(' ').unwrap_or_default();
            return format!("<circle class=\"s{index}\" cx=\"{x}\" cy=\"{y}\" r=\"3\"/>");
        }
        high.reverse();
        if buckets.iter().any(|b| b.band[0] < b.band[1]) {
            let _ = write!(
                svg,
                "<path class=\"band s{index}\" d=\"M{}L{}Z\"/>",
                low.join("L"),
                high.join("L")
            );
        }
        if !mean.is_empty() {
            let _ = write!(
                svg,
                "<path class=\"line s{index}\" d=\"M{}\"/>",
                mean.join("L")
            );
        }
        svg
    }
}

/// Draws curves in one chart over the steps of a run. If `logarithmic`, the y axis is logarithmic,
/// for values that vary over decades. Returns an empty string if there is no point.
pub fn chart(title: &str, series: &[Series], logarithmic: bool) -> String {
    let drawn: Vec<Vec<Bucket>> = series
        .iter()
        .map(|series| buckets(&series.points, logarithmic))
        .collect();
    let Some(extent) = Extent::of(drawn.iter().flatten(), logarithmic) else {
        return String::new();
    };
    let mut svg = format!(
        "<figure class=\"chart\"><figcaption>{}</figcaption><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">",
        escape(title)
    );
    let _ = write!(svg, "<title>{}</title>", escape(title));
    svg.push_str(&extent.axes());
    for (index, buckets) in drawn.iter().enumerate() {
        svg.push_str(&extent.curve(index, buckets));
    }
    svg.push_str("</svg>");
    if series.len() > 1 {
        let key = |(index, series): (usize, &Series)| {
            format!(
                "<span class=\"key s{index}\">{}</span>",
                escape(&series.name)
            )
        };
        let _ = write!(
            svg,
            "<p class=\"keys\">{}</p>",
            series.iter().enumerate().map(key).collect::<String>()
        );
    }
    svg.push_str("</figure>");
    svg
}

fn buckets(points: &[[f64; 2]], logarithmic: bool) -> Vec<Bucket> {
    let points: Vec<[f64; 2]> = points
        .iter()
        .filter(|p| p.iter().all(|v| v.is_finite()) && (!logarithmic || p[1] > 0.0))
        .copied()
        .collect();
    let bring_together = |points: &[[f64; 2]]| {
        let mut values: Vec<f64> = points.iter().map(|p| p[1]).collect();
        values.sort_by(f64::total_cmp);
        let quantile = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
        let mean = |axis: usize| points.iter().map(|p| p[axis]).sum::<f64>() / points.len() as f64;
        Bucket {
            x: mean(0),
            mean: mean(1),
            band: [quantile(0.1), quantile(0.9)],
        }
    };
    points
        .chunks(points.len().div_ceil(DRAWN).max(1))
        .map(bring_together)
        .collect()
}

/// About `count` round numbers in a range.
fn ticks(low: f64, high: f64, count: usize) -> Vec<f64> {
    let rough = (high - low) / count as f64;
    if rough.is_nan() || rough <= 0.0 || !rough.is_finite() {
        return vec![low];
    }
    let decade = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|s| s * decade)
        .into_iter()
        .find(|step| *step >= rough)
        .unwrap_or(decade);
    let first = (low / step).ceil() as i64;
    (0..=2 * count as i64)
        .map(|i| (first + i) as f64 * step)
        .take_while(|tick| *tick <= high + 1e-9 * step)
        .collect()
}

/// Formats a number in a few characters.
pub fn short(value: f64) -> String {
    let size = value.abs();
    let trimmed = |text: String| {
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text
        }
    };
    match size {
        _ if value == 0.0 => "0".into(),
        _ if size >= 1e6 => trimmed(format!("{:.1}", value / 1e6)) + "M",
        _ if size >= 1e4 => trimmed(format!("{:.1}", value / 1e3)) + "k",
        _ if size >= 100.0 => format!("{value:.0}"),
        _ if size >= 0.001 => trimmed(format!("{value:.3}")),
        _ => format!("{value:.0e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ticks(0.0, 4128.0, 6), [0.0, 1000.0, 2000.0, 3000.0, 4000.0]);
        assert_eq!(ticks(0.13, 0.38, 4), [0.2, 0.30000000000000004]);
        assert_eq!(ticks(2.0, 2.0, 4), [2.0]);
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [0.0, 1_234_567.0, 12_300.0, 4128.0, 8.0, 0.25, 6e-4, -0.5].map(short),
            ["0", "1.2M", "12.3k", "4128", "8", "0.25", "6e-4", "-0.5"]
        );
    }

    #[test]
    fn a_curve_passes_through_its_values() {
        let series = |points: Vec<[f64; 2]>| {
            [Series {
                name: "a < b".into(),
                points,
            }]
        };
        let svg = chart("loss & more", &series(vec![[0.0, 1.0], [10.0, 3.0]]), false);
        // the lowest value at the bottom left of the plot, the highest at its top right
        assert!(svg.contains("d=\"M50.0 204.0L546.0 12.0\""), "{svg}");
        assert!(svg.contains("loss &amp; more"));
        assert_eq!(chart("nothing", &series(vec![[0.0, f64::NAN]]), false), "");
        assert!(chart("one", &series(vec![[5.0, 2.0]]), false).contains("<circle"));
        let logarithmic = chart(
            "log",
            &series(vec![[0.0, 0.0], [1.0, 1.0], [2.0, 100.0], [3.0, 10.0]]),
            true,
        );
        assert!(
            logarithmic.contains("L298.0 12.0L546.0 108.0"),
            "a decade is half of two: {logarithmic}"
        );
        let many: Vec<[f64; 2]> = (0..1000)
            .map(|i| [f64::from(i), f64::from(i % 7)])
            .collect();
        assert!(chart("many", &series(many), false).contains("class=\"band s0\""));
    }
}
