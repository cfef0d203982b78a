import XCTest

@testable import digits

final class NetworkTests: XCTestCase {
  func testMultiplyAgreesWithTheDefinitionForEveryShape() {
    var stream = RandomStream(state: 1)
    for rows in [1, 3, 4, 5, 9] {
      for depth in [1, 2, 7] {
        for columns in [8, 24] {
          let left = FloatBuffer(count: rows * depth)
          let right = FloatBuffer(count: depth * columns)
          let bias = FloatBuffer(count: columns)
          for buffer in [left, right, bias] {
            for index in 0..<buffer.count { buffer.base[index] = stream.uniform(within: 1) }
          }
          let result = FloatBuffer(count: rows * columns)
          // The left matrix is read as its transpose would lie in memory.
          multiply(
            rows: rows, columns: columns, depth: depth, left.base, rowStride: 1, depthStride: rows,
            right.base, bias: bias.base, into: result.base)
          for row in 0..<rows {
            for column in 0..<columns {
              var expected = bias.base[column]
              for step in 0..<depth {
                expected += left.base[step * rows + row] * right.base[step * columns + column]
              }
              XCTAssertEqual(result.base[row * columns + column], expected, accuracy: 1e-5)
            }
          }
        }
      }
    }
  }

  func testGradientsAgreeWithDifferencesOfTheLoss() {
    var part = Digits.Part()
    var images = RandomStream(state: 5)
    for label in 0..<6 {
      part.images += (0..<Digits.pixels).map { _ in (images.uniform(within: 1) + 1) / 2 }
      part.labels.append(label)
    }
    let kinds: [(Float?, Activation)] = Activation.allCases.flatMap {
      [(nil, $0), (Float(0.5), $0)]
    }
    for (branchFactor, activation) in kinds {
      for dropout: Float in [0, 0.4] {
        let network = Network(
          hiddenLayers: 2, width: 11, activation: activation, capacity: 6, branchFactor: branchFactor)
        var stream = RandomStream(state: 2)
        network.initialize(width: 11, from: &stream)
        network.load(part, Array(0..<6)[...])
        // The same random numbers, so the same units are silenced in every pass.
        func loss() -> Double {
          var masks = RandomStream(state: 3)
          network.forward(rows: 6, dropout: dropout, from: &masks)
          return network.score(rows: 6).loss / 6
        }
        _ = loss()
        network.backward(rows: 6)
        let gradients = network.gradients.values
        var compared = 0
        for index in stride(from: 0, to: gradients.count, by: 7) {
          let kept = network.parameters.base[index]
          let step: Float = 3e-4
          network.parameters.base[index] = kept + step
          let above = loss()
          network.parameters.base[index] = kept - step
          let below = loss()
          network.parameters.base[index] = kept
          let difference = (above - below) / Double(2 * step)
          guard abs(difference) > 1e-3 else { continue }
          // Room for the rounding of floats. The step is small so that hardly a kink of relu lies inside it.
          XCTAssertEqual(
            Double(gradients[index]), difference, accuracy: 1e-3 + 0.02 * abs(difference),
            "\(activation), branch × \(branchFactor ?? 0), dropout \(dropout), parameter \(index)")
          compared += 1
        }
        XCTAssertGreaterThan(compared, 40)
      }
    }
  }

  func testPaddingStaysZeroThroughTraining() throws {
    for optimizer in OptimizerKind.allCases {
      var settings = Settings()
      settings.width = 11
      settings.optimizer = optimizer
      settings.dropout = 0.2
      settings.weightDecay = 0.01
      settings.architecture = optimizer == .adam ? .residual : .plain
      let training = Training(settings)
      _ = training.runEpoch(try smallDigits())
      let layer = training.network.layers[0]
      for row in 0..<layer.inputs {
        for column in 11..<layer.outputs {
          XCTAssertEqual(training.network.parameters.base[layer.weights + row * layer.outputs + column], 0)
        }
      }
    }
  }

  func testAtTheBaseDepthCompletePChangesNothingAndElsewhereTheBranchesShrinkWithTheDepth() throws {
    func weights(_ layers: Int, _ baseLayers: Int) throws -> [Float] {
      var settings = Settings()
      (settings.architecture, settings.optimizer) = (.residual, .adam)
      (settings.layers, settings.baseLayers, settings.width) = (layers, baseLayers, 16)
      let training = Training(settings)
      _ = training.runEpoch(try smallDigits())
      return training.network.parameters.values
    }
    XCTAssertEqual(try weights(3, 3), try weights(3, 0))
    XCTAssertNotEqual(try weights(6, 3), try weights(6, 0))

    // What 8 blocks add to the same stream, as a share of what 2 add, falls from 4 to 1.
    func growth(_ blocks: Int, _ factor: Float) throws -> Float {
      let network = Network(hiddenLayers: blocks, width: 16, activation: .relu, capacity: 30, branchFactor: factor)
      for layer in network.layers.dropLast() {
        for unit in 0..<16 { network.parameters.base[layer.biases + unit] = 1 }
      }
      let digits = try smallDigits()
      network.load(digits.training, Array(0..<30)[...])
      network.forward(rows: 30)
      return try XCTUnwrap(network.residual).stream.base[0] - 1
    }
    XCTAssertEqual(try growth(8, 1) / growth(2, 1), 4, accuracy: 1e-4)
    XCTAssertEqual(try growth(8, 0.25) / growth(2, 1), 1, accuracy: 1e-4)
  }

  func testDropoutSilencesTheAskedPartAndKeepsTheMean() throws {
    let digits = try smallDigits()
    let network = Network(hiddenLayers: 1, width: 64, activation: .relu, capacity: 30)
    // Every hidden unit is exactly 1 before dropout, and every logit the mean of the hidden units.
    for unit in 0..<64 { network.parameters.base[network.layers[0].biases + unit] = 1 }
    for index in 0..<64 * 16 { network.parameters.base[network.layers[1].weights + index] = 1.0 / 64 }
    var stream = RandomStream(state: 4)
    network.load(digits.training, Array(0..<30)[...])
    network.forward(rows: 30, dropout: 0.25, from: &stream)
    let logits = network.logits(rows: 30)
    XCTAssertEqual(logits.reduce(0, +) / Float(logits.count), 1, accuracy: 0.05)
    XCTAssertGreaterThan(Set(logits).count, 5)
  }
}

/// Fifty images, five of each digit, that differ by label.
func smallDigits() throws -> Digits {
  var bytes: [UInt8] = []
  for index in 0..<50 {
    let label = UInt8(index % 10)
    bytes += (0..<64).map { UInt8(($0 * (Int(label) + 1) + index) % 17) }
    bytes.append(label)
  }
  return try Digits(bytes: bytes, path: "made up")
}
