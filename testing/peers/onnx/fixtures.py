"""Writes the models that the model server's tests load. Needs: pip install onnx==1.23.2. Usage: fixtures.py DIRECTORY"""
import json
import math
import pathlib
import sys

from onnx import TensorProto as T, checker, helper as h

root = pathlib.Path(sys.argv[1])


def save(name, nodes, inputs, outputs, initializers=(), signature=None, ml=False):
    graph = h.make_graph(nodes, name, inputs, outputs, initializer=list(initializers))
    opsets = [h.make_opsetid("", 17)] + ([h.make_opsetid("ai.onnx.ml", 3)] if ml else [])
    model = h.make_model(graph, opset_imports=opsets, ir_version=9, producer_name="capstan-fixtures")
    checker.check_model(model)
    directory = root / name
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "model.onnx").write_bytes(model.SerializeToString())
    if signature:
        (directory / "signature.json").write_text(json.dumps(signature, indent=2) + "\n")


def value(name, kind, shape):
    return h.make_tensor_value_info(name, kind, shape)


# y = x / 2 + 2, without a signature document.
save(
    "half-plus-two",
    [h.make_node("Mul", ["x", "half"], ["m"]), h.make_node("Add", ["m", "two"], ["y"])],
    [value("x", T.FLOAT, ["batch"])],
    [value("y", T.FLOAT, ["batch"])],
    [h.make_tensor("half", T.FLOAT, [1], [0.5]), h.make_tensor("two", T.FLOAT, [1], [2.0])],
)

# Every element type, passed through.
kinds = {
    "double": T.DOUBLE, "int8": T.INT8, "int32": T.INT32, "int64": T.INT64, "uint8": T.UINT8, "bool": T.BOOL, "text": T.STRING,
}
save(
    "echo",
    [h.make_node("Identity", [name], [f"{name}_out"]) for name in kinds],
    [value(name, kind, ["batch", 2]) for name, kind in kinds.items()],
    [value(f"{name}_out", kind, ["batch", 2]) for name, kind in kinds.items()],
)

# Raw columns, one a string, one a nullable number; a class label and probabilities.
tensor = lambda name, dtype, nullable=False, shape=(-1, 1): {
    "name": name, "dtype": dtype, "shape": list(shape), "nullable": nullable,
}
io = {
    "inputs": [tensor("island", "string", True), tensor("mass", "float32", True)],
    "outputs": [tensor("species", "string", shape=[-1]), tensor("probabilities", "float32", shape=[-1, 2])],
    "classLabels": ["Adelie", "Gentoo"],
}
save(
    "islands",
    [
        h.make_node("LabelEncoder", ["island"], ["code"], domain="ai.onnx.ml", keys_strings=["Biscoe", "Dream"], values_floats=[2.0, -2.0], default_float=0.0),
        h.make_node("Imputer", ["mass"], ["known"], domain="ai.onnx.ml", imputed_value_floats=[4.0], replaced_value_float=math.nan),
        h.make_node("Concat", ["code", "known"], ["features"], axis=1),
        h.make_node(
            "LinearClassifier", ["features"], ["species", "probabilities"], domain="ai.onnx.ml",
            classlabels_strings=["Adelie", "Gentoo"], coefficients=[-1.0, -1.0, 1.0, 1.0], intercepts=[4.0, -4.0],
            multi_class=0, post_transform="SOFTMAX",
        ),
    ],
    [value("island", T.STRING, ["batch", 1]), value("mass", T.FLOAT, ["batch", 1])],
    [value("species", T.STRING, ["batch"]), value("probabilities", T.FLOAT, ["batch", 2])],
    ml=True,
    signature={"version": 1, "signatures": {"serving_default": {"method_name": "predict", **io}}},
)
