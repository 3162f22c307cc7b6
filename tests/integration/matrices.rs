//! Products of matrices and the memory's answers on the CPU.

use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};
use daad::kernel::{self, AddressingRule};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::kernels::{assert_close, bits, random, threads, values};

/// M, K and N: single values, less than a tile, and more than one task has, each with a rest.
const SIZES: [[usize; 3]; 8] = [
    [1, 1, 1],
    [5, 3, 50],
    [33, 70, 7],
    [2, 97, 130],
    [64, 192, 96],
    [300, 200, 9],
    [20, 97, 1030],
    [530, 40, 521],
];

/// The matrix itself, a transposed view of its transpose, and a view of some of the columns of a
/// larger matrix.
fn views(matrix: &Tensor<2>) -> [Tensor<2>; 3] {
    let matrix = matrix.clone().inner();
    let [_, columns] = matrix.dims();
    let turned = Tensor::from_data(matrix.clone().transpose().into_data(), &matrix.device());
    let larger = Tensor::cat(vec![matrix.clone(), matrix.clone()], 1);
    [
        matrix,
        turned.transpose(),
        larger.narrow(1, columns, columns),
    ]
}

#[test]
fn products_are_the_sums_of_products() {
    let mut rng = ChaCha8Rng::seed_from_u64(20);
    for [rows, inner, columns] in SIZES {
        let lhs = random::<2>(&mut rng, [rows, inner]);
        let rhs = random::<2>(&mut rng, [inner, columns]);
        let [left, right] = [&lhs, &rhs].map(|matrix| values(matrix.clone()));
        let dot = |row: usize, column: usize| -> f64 {
            let left = &left[row * inner..][..inner];
            let right = right[column..].iter().step_by(columns);
            let products = left.iter().zip(right);
            products.map(|(&x, &y)| f64::from(x) * f64::from(y)).sum()
        };
        let expected: Vec<f32> = (0..rows * columns)
            .map(|index| dot(index / columns, index % columns) as f32)
            .collect();
        for (l, lhs) in views(&lhs).into_iter().enumerate() {
            for (r, rhs) in views(&rhs).into_iter().enumerate() {
                let got = values(kernel::matmul(lhs.clone(), rhs));
                let what = format!("{rows}×{inner}×{columns}, views {l} and {r}");
                assert_close(&what, &got, &expected);
            }
        }
    }
}

#[test]
fn the_number_of_threads_does_not_change_a_bit_of_a_product() {
    let mut rng = ChaCha8Rng::seed_from_u64(21);
    for [rows, inner, columns] in SIZES {
        let lhs = random::<2>(&mut rng, [rows, inner]).inner();
        let rhs = random::<2>(&mut rng, [inner, columns]).inner();
        let product = || bits(&values(kernel::matmul(lhs.clone(), rhs.clone())));
        let [one, two, five] = [1, 2, 5].map(|count| threads(count).install(product));
        assert!(one == two && two == five, "{rows}×{inner}×{columns}");
    }
}

/// The answers of a memory as Burn's operations compute them.
fn answer(queries: Tensor<2>, items: Tensor<2>, rule: AddressingRule) -> Tensor<2> {
    let unit = |rows: Tensor<2>| {
        let norms = rows.clone().powi_scalar(2).sum_dim(1).sqrt();
        rows / norms.clamp_min(rule.min_norm)
    };
    let similarities = unit(queries).matmul(unit(items.clone()).transpose());
    let weights = softmax(similarities / rule.temperature, 1);
    let dropped = weights.clone().lower_elem(rule.cut);
    let mut kept = weights.mask_fill(dropped, 0.0);
    if rule.renormalize {
        kept = kept.clone() / kept.sum_dim(1);
    }
    kept.matmul(items)
}

#[test]
fn answers_and_their_gradients_are_those_of_burn() {
    let mut rng = ChaCha8Rng::seed_from_u64(22);
    for (count, items, dim) in [(1, 1, 1), (6, 20, 48), (7, 9, 300), (3, 600, 5)] {
        for (temperature, renormalize) in [(1.0, false), (0.2, true)] {
            let rule = AddressingRule {
                min_norm: 1e-8,
                temperature,
                cut: 0.999 / items as f32,
                renormalize,
            };
            let tracked = |tensor: Tensor<2>| tensor.detach().require_grad();
            let queries = random(&mut rng, [count, dim]);
            let items = random(&mut rng, [items, dim]);
            let onto = random::<2>(&mut rng, [count, dim]);
            let run = |answer: fn(Tensor<2>, Tensor<2>, AddressingRule) -> Tensor<2>| {
                let (queries, items) = (tracked(queries.clone()), tracked(items.clone()));
                let answers = answer(queries.clone(), items.clone(), rule);
                let gradients = (answers.clone() * onto.clone()).sum().backward();
                let gradient = |of: &Tensor<2>| values(of.grad(&gradients).unwrap());
                [values(answers), gradient(&queries), gradient(&items)]
            };
            let (got, expected) = (run(kernel::answer), run(answer));
            for (index, (got, expected)) in got.iter().zip(&expected).enumerate() {
                let what = format!("result {index} of {:?}, {rule:?}", items.dims());
                assert_close(&what, got, expected);
            }
        }
    }
}

#[test]
fn an_empty_product_is_zero() {
    let device = Device::flex();
    let product = kernel::matmul(
        Tensor::zeros([3, 0], &device),
        Tensor::zeros([0, 2], &device),
    );
    assert_eq!(values(product), [0.0; 6]);
}
