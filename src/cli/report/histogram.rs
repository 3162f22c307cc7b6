//! Values counted in bins of equal width.

/// The number of values in each of several bins of equal width.
#[derive(Debug, PartialEq)]
pub(super) struct Histogram {
    /// The lower edge of the first bin.
    pub(super) start: f64,
    /// The width of each bin.
    pub(super) width: f64,
    pub(super) counts: Vec<usize>,
}

impl Histogram {
    /// Counts values in bins from `start` to `end`. Each bin includes its lower edge, the last bin
    /// also its upper edge. A value outside the range is counted in the nearest bin.
    ///
    /// # Panics
    ///
    /// Where there are no bins, or `start` is not below `end`.
    pub(super) fn of(
        values: impl IntoIterator<Item = f64>,
        (start, end): (f64, f64),
        bins: usize,
    ) -> Self {
        assert!(bins > 0 && start < end, "{bins} bins from {start} to {end}");
        let width = (end - start) / bins as f64;
        let mut counts = vec![0; bins];
        for value in values {
            // The cast turns negative values and NaN into 0.
            let bin = ((value - start) / width) as usize;
            counts[bin.min(bins - 1)] += 1;
        }
        Self {
            start,
            width,
            counts,
        }
    }

    /// The bins, each with its edges and its share of all values.
    pub(super) fn shares(&self) -> impl Iterator<Item = Bin> {
        let total = self.counts.iter().sum::<usize>().max(1) as f64;
        self.counts.iter().enumerate().map(move |(index, &count)| {
            let from = self.start + index as f64 * self.width;
            Bin {
                from,
                to: from + self.width,
                share: count as f64 / total,
            }
        })
    }
}

/// One bin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bin {
    pub(super) from: f64,
    pub(super) to: f64,
    /// The share of all values that are in this bin.
    pub(super) share: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_on_an_edge_counts_above_it_and_the_last_edge_below() {
        let histogram = Histogram::of([0.0, 0.9, 1.0, 3.9, 4.0], (0.0, 4.0), 4);
        assert_eq!(histogram.counts, [2, 1, 0, 2]);
    }

    #[test]
    fn what_lies_outside_is_not_lost() {
        let histogram = Histogram::of([-7.0, 99.0, f64::INFINITY], (0.0, 1.0), 2);
        assert_eq!(histogram.counts, [1, 2]);
    }

    #[test]
    fn shares_are_of_all_values_and_of_none_are_none() {
        let bins: Vec<Bin> = Histogram::of([1.0, 1.0, 3.0, 3.5], (0.0, 4.0), 2)
            .shares()
            .collect();
        let bin = |from, to, share| Bin { from, to, share };
        assert_eq!(bins, [bin(0.0, 2.0, 0.5), bin(2.0, 4.0, 0.5)]);
        let empty = Histogram::of([], (0.0, 1.0), 3);
        assert!(empty.shares().all(|bin| bin.share == 0.0));
    }
}
