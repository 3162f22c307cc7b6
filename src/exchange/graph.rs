//! Builds an ONNX graph, node by node.

use std::collections::HashSet;

use super::protobuf::{
    ATTRIBUTE_FLOAT, ATTRIBUTE_INT, ATTRIBUTE_INTS, AttributeProto, DimensionProto, FLOAT,
    GraphProto, INT64, NodeProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto,
    ValueInfoProto,
};

/// The name of the batch axis, whose size is not known before inference.
const BATCH: &str = "batch";

/// A tensor in the graph: an input, a constant, or the result of a node.
#[derive(Debug, Clone)]
pub(super) struct Value(String);

/// A graph under construction.
#[derive(Debug)]
pub(super) struct Graph {
    graph: GraphProto,
    /// The names of the constants that the graph already contains.
    constants: HashSet<String>,
}

impl Graph {
    pub(super) fn new(name: &str) -> Self {
        let graph = GraphProto {
            name: name.to_owned(),
            ..GraphProto::default()
        };
        Self {
            graph,
            constants: HashSet::new(),
        }
    }

    /// The finished graph.
    pub(super) fn finish(self) -> GraphProto {
        self.graph
    }

    /// An input of `[batch, dims…]`, f32.
    pub(super) fn input(&mut self, name: &str, dims: &[usize]) -> Value {
        self.graph.input.push(value_info(name, dims));
        Value(name.to_owned())
    }

    /// Makes `value` the output `name` of `[batch, dims…]`, f32.
    pub(super) fn output(&mut self, name: &str, value: &Value, dims: &[usize]) {
        let identity = NodeProto {
            input: vec![value.0.clone()],
            output: vec![name.to_owned()],
            name: format!("output {name}"),
            op_type: "Identity".to_owned(),
            attribute: Vec::new(),
        };
        self.graph.node.push(identity);
        self.graph.output.push(value_info(name, dims));
    }

    /// Adds a node with one result, and returns this result.
    pub(super) fn node(
        &mut self,
        operator: &str,
        inputs: &[&Value],
        attributes: Vec<AttributeProto>,
    ) -> Value {
        let name = format!("{operator} {}", self.graph.node.len());
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|input| input.0.clone()).collect(),
            output: vec![name.clone()],
            name: name.clone(),
            op_type: operator.to_owned(),
            attribute: attributes,
        });
        Value(name)
    }

    /// A constant of f32. If the graph already has a constant of this name, it is used again.
    pub(super) fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Value {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        self.constant(name, FLOAT, shape, bytes)
    }

    /// A constant number.
    pub(super) fn number(&mut self, value: f32) -> Value {
        self.floats(&format!("number {value:?}"), &[], &[value])
    }

    /// A constant list of whole numbers: a shape, axes, indices.
    pub(super) fn integers(&mut self, values: &[i64]) -> Value {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        self.constant(
            &format!("integers {values:?}"),
            INT64,
            &[values.len()],
            bytes,
        )
    }

    fn constant(
        &mut self,
        name: &str,
        data_type: i32,
        shape: &[usize],
        bytes: impl Iterator<Item = u8>,
    ) -> Value {
        if self.constants.insert(name.to_owned()) {
            self.graph.initializer.push(TensorProto {
                dims: shape.iter().map(|&size| size as i64).collect(),
                data_type,
                name: name.to_owned(),
                raw_data: bytes.collect(),
            });
        }
        Value(name.to_owned())
    }

    /// `value` in another shape; a size of −1 is computed from the other sizes.
    pub(super) fn reshape(&mut self, value: &Value, shape: &[i64]) -> Value {
        let shape = self.integers(shape);
        self.node("Reshape", &[value, &shape], Vec::new())
    }

    /// `value` with its axes in another order.
    pub(super) fn transpose(&mut self, value: &Value, order: &[i64]) -> Value {
        self.node("Transpose", &[value], vec![ints("perm", order)])
    }

    /// A reducing `operator` over some axes, which are kept with size 1 or removed.
    pub(super) fn reduce(
        &mut self,
        operator: &str,
        value: &Value,
        axes: &[i64],
        keep: bool,
    ) -> Value {
        let axes = self.integers(axes);
        let keep = int("keepdims", i64::from(keep));
        self.node(operator, &[value, &axes], vec![keep])
    }

    /// An operator of two values, element by element.
    pub(super) fn binary(&mut self, operator: &str, left: &Value, right: &Value) -> Value {
        self.node(operator, &[left, right], Vec::new())
    }

    /// An operator of a value and a number, element by element.
    pub(super) fn with_number(&mut self, operator: &str, value: &Value, number: f32) -> Value {
        let number = self.number(number);
        self.binary(operator, value, &number)
    }
}

/// An attribute that is a list of whole numbers.
pub(super) fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        ints: values.to_vec(),
        r#type: ATTRIBUTE_INTS,
        ..AttributeProto::default()
    }
}

/// An attribute that is a whole number.
pub(super) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        i: Some(value),
        r#type: ATTRIBUTE_INT,
        ..AttributeProto::default()
    }
}

/// An attribute that is a number.
pub(super) fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        f: Some(value),
        r#type: ATTRIBUTE_FLOAT,
        ..AttributeProto::default()
    }
}

fn value_info(name: &str, dims: &[usize]) -> ValueInfoProto {
    let batch = DimensionProto {
        dim_param: Some(BATCH.to_owned()),
        ..DimensionProto::default()
    };
    let dims = dims.iter().map(|&size| DimensionProto {
        dim_value: Some(size as i64),
        ..DimensionProto::default()
    });
    let shape = TensorShapeProto {
        dim: [batch].into_iter().chain(dims).collect(),
    };
    let tensor = TensorTypeProto {
        elem_type: FLOAT,
        shape: Some(shape),
    };
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto {
            tensor_type: Some(tensor),
        }),
    }
}
