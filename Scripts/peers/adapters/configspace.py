"""The space as ConfigSpace has it, with native conditions, for SMAC and DEHB."""
import ast

import ConfigSpace as cs

from .space import Unsupported


def hyperparameter(axis):
    if axis.kind == "category":
        return cs.CategoricalHyperparameter(axis.name, axis.labels)
    if axis.kind == "ordinal":
        return cs.OrdinalHyperparameter(axis.name, list(range(int(axis.high) + 1)))
    if axis.low == axis.high:
        return cs.Constant(axis.name, axis.low)
    if axis.kind == "float":
        return cs.UniformFloatHyperparameter(axis.name, axis.low, axis.high, log=axis.log)
    return cs.UniformIntegerHyperparameter(axis.name, axis.low, axis.high, log=axis.log)


def native_values(parameter, values):
    """Values in the study's terms as the hyperparameter has them."""
    axis = parameter.axis
    if axis.kind in ("category", "ordinal"):
        indices = [i for i, choice in enumerate(parameter.choices) if choice in values]
        return [axis.labels[i] for i in indices] if axis.kind == "category" else indices
    if axis.kind == "integer" and parameter.step == 1:
        return values
    raise Unsupported(f"a condition on {parameter.name} cannot be taken")


def condition(child, node, space, parameters):
    """The condition of one hyperparameter from a part of its expression."""
    expression = child.condition

    def refuse():
        raise Unsupported(f"{child.name}: the condition '{expression.text}' cannot be taken")

    if isinstance(node, ast.BoolOp):
        parts = [condition(child, part, space, parameters) for part in node.values]
        return (cs.AndConjunction if isinstance(node.op, ast.And) else cs.OrConjunction)(*parts)
    if not isinstance(node, ast.Compare) or len(node.ops) != 1:
        refuse()
    parent = parameters.by_name.get(expression.name(node.left))
    if parent is None or parent.axis is None:
        refuse()
    right = expression.evaluate(node.comparators[0], {})
    one, other = space[child.axis.name], space[parent.axis.name]
    op = type(node.ops[0])
    values = native_values(parent, right if isinstance(right, list) else [right])
    if op is ast.In:
        return cs.InCondition(one, other, values)
    kinds = {
        ast.Eq: cs.EqualsCondition, ast.NotEq: cs.NotEqualsCondition, ast.Gt: cs.GreaterThanCondition,
        ast.Lt: cs.LessThanCondition,
    }
    if op not in kinds or len(values) != 1:
        refuse()
    return kinds[op](one, other, values[0])


def configuration_space(parameters, seed):
    # Its random state takes 32 bits.
    space = cs.ConfigurationSpace(seed=seed % 2**32)
    space.add([hyperparameter(axis) for axis in parameters.axes])
    for parameter in parameters.order:
        if parameter.condition and parameter.axis:
            space.add(condition(parameter, parameter.condition.tree, space, parameters))
    return space
