//! How a memory answers one query, number by number: for whoever wants to look, not for speed.

/// Similarities and weights of one query, by item.
#[derive(Debug, Clone, PartialEq)]
pub struct Addressing {
    /// s, cosine of query and item, `N`.
    pub similarities: Vec<f32>,
    /// w: the softmax of s, with zeros where the shrinkage dropped the item, `N`.
    pub weights: Vec<f32>,
}

impl Addressing {
    /// How many items are left after the shrinkage.
    pub fn survivors(&self) -> usize {
        self.weights.iter().filter(|&&weight| weight > 0.0).count()
    }

    /// Σw: less than 1 where items were dropped and nothing was renormalized.
    pub fn weight_sum(&self) -> f64 {
        self.weights.iter().map(|&weight| f64::from(weight)).sum()
    }

    /// As how many equally strong items answer: the perplexity e^H of the weights, brought to sum
    /// to one.
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
