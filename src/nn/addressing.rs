//! The similarities and weights of a memory for one query. This code is for inspection and not
//! optimized.

/// The similarities and weights of all items for one query.
///
/// ```
/// use daad::nn::Addressing;
///
/// // Three items, of which the shrinkage dropped the second.
/// let addressing = Addressing {
///     similarities: vec![0.8, 0.1, 0.9],
///     weights: vec![0.25, 0.0, 0.5],
/// };
/// assert_eq!(addressing.survivors(), 2);
/// assert_eq!(addressing.weight_sum(), 0.75);
/// assert!(addressing.strongest().eq([2, 0]));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Addressing {
    /// s, the cosine of query and item, `N`.
    pub similarities: Vec<f32>,
    /// w, the softmax of s, with zeros for items that the shrinkage dropped, `N`.
    pub weights: Vec<f32>,
}

impl Addressing {
    /// The number of items that are left after the shrinkage.
    pub fn survivors(&self) -> usize {
        self.weights.iter().filter(|&&weight| weight > 0.0).count()
    }

    /// Σw, which is less than 1 if items were dropped and the weights were not renormalized.
    pub fn weight_sum(&self) -> f64 {
        self.weights.iter().map(|&weight| f64::from(weight)).sum()
    }

    /// The effective number of items: the perplexity e^H of the weights, normalized to sum to one.
    /// If n items have equal weights, it is n.
    ///
    /// ```
    /// use daad::nn::Addressing;
    ///
    /// let effective_items = |weights: &[f32]| {
    ///     let (similarities, weights) = (vec![0.0; weights.len()], weights.to_vec());
    ///     Addressing { similarities, weights }.effective_items()
    /// };
    /// assert!((effective_items(&[0.2, 0.2, 0.2, 0.0]) - 3.0).abs() < 1e-6);
    /// assert!(effective_items(&[0.5, 0.05, 0.05, 0.0]) < 2.0);
    /// ```
    pub fn effective_items(&self) -> f64 {
        let sum = self.weight_sum();
        let shares = self.weights.iter().filter(|&&weight| weight > 0.0);
        let entropy: f64 = shares
            .map(|&weight| {
                let share = f64::from(weight) / sum;
                -share * share.ln()
            })
            .sum();
        entropy.exp()
    }

    /// The items that are left, the strongest first.
    pub fn strongest(&self) -> impl Iterator<Item = usize> + use<> {
        let mut order: Vec<(usize, f32)> = self.weights.iter().copied().enumerate().collect();
        order.retain(|&(_, weight)| weight > 0.0);
        order.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        order.into_iter().map(|(index, _)| index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_weights_count_as_many_items_as_there_are() {
        let addressing = Addressing {
            similarities: vec![0.5; 4],
            weights: vec![0.25, 0.25, 0.25, 0.0],
        };
        assert_eq!(addressing.survivors(), 3);
        assert!((addressing.effective_items() - 3.0).abs() < 1e-9);
        assert_eq!(addressing.strongest().count(), 3);
    }
}
