import TrimtabSearchSpaces
import TrimtabStudies

/// A family of benchmarks that one network stands for: the contents of a `reglu-surrogate/1` file.
struct Surrogate: Sendable {
  struct Embedding: Sendable {
    var name: String
    var choices: [String]
    /// One row a choice.
    var rows: [[Float]]
  }

  struct Continuous: Sendable {
    var name: String
    var steps: [ScalingStep]
  }

  struct Output: Sendable {
    var objective: Objective
    var steps: [ScalingStep]
  }

  struct Axis: Sendable {
    var name: String
    var low: Double
    var high: Double
    var isInteger: Bool
  }

  /// Inputs with the outputs of the original model.
  struct Check: Sendable {
    var inputs: [String: Choice]
    var outputs: [String: Double]
  }

  /// The row of an embedding that stands for no value.
  static let missing = "#na#"

  /// The last part of the header's name, with dashes: `lcbench`, `rbv2-xgboost`.
  let family: String
  let instanceParameter: String
  let instances: [String]
  let space: Space
  let fidelities: [Axis]
  /// The output that is the time of training, in seconds.
  let runtime: String
  let embeddings: [Embedding]
  let continuous: [Continuous]
  let outputs: [Output]
  let network: SurrogateNetwork
  let checks: [Check]
  /// What the header knows of each instance at full fidelity, by instance and output.
  let references: [String: [String: Reference]]

  /// Every output for inputs given by name; a missing number counts as 0 before its scaling.
  func evaluate(_ inputs: [String: Choice]) -> [Double] {
    network.evaluate { x in
      var at = 0
      for embedding in embeddings {
        let text = inputs[embedding.name]?.description ?? Self.missing
        let row = embedding.choices.firstIndex(of: text) ?? embedding.choices.firstIndex(of: Self.missing) ?? 0
        for value in embedding.rows[row] {
          x[at] = value
          at += 1
        }
      }
      for input in continuous {
        x[at] = Float(input.steps.reduce(inputs[input.name]?.number ?? 0) { $1.apply($0) })
        at += 1
      }
    } use: { result in
      zip(outputs, result).map { output, value in output.steps.reduce(value) { $1.apply($0) } }
    }
  }
}
