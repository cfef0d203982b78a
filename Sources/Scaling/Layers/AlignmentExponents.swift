/// W = n^−a·w with w of standard deviation n^−b and a learning rate proportional to n^−c.
///
/// The network is the same under a + θ, b − θ, and c − θ for Adam, c − 2θ for SGD.
public struct WidthExponents: Sendable, Equatable {
  public var a: Double
  public var b: Double
  public var c: Double

  public init(a: Double, b: Double, c: Double) {
    self.a = a
    self.b = b
    self.c = c
  }

  public func shifted(by theta: Double, isSGD: Bool) -> WidthExponents {
    WidthExponents(a: a + theta, b: b - theta, c: c - (isSGD ? 2 : 1) * theta)
  }
}

/// The exponents of width for inputs, hidden matrices and outputs, under the assumption that updates align with
/// activations.
///
/// Source: Everett and others, "Scaling exponents across parameterizations and optimizers", arXiv 2407.05872, 2024.
public struct AlignmentExponents: Sendable, Equatable {
  public enum Family: String, Sendable, CaseIterable { case standard, neuralTangent, maximalUpdate, meanField }

  public enum Alignment: String, Sendable, CaseIterable {
    /// Updates correlate with activations, so that their sums grow as n.
    case full
    /// Updates are as if independent: as √n.
    case none
  }

  public var input: WidthExponents
  public var hidden: WidthExponents
  public var output: WidthExponents
  /// Gradients at the start are proportional to n^−g.
  public var gradient: (input: Double, hidden: Double, output: Double)

  public static func == (x: AlignmentExponents, y: AlignmentExponents) -> Bool {
    x.input == y.input && x.hidden == y.hidden && x.output == y.output && x.gradient == y.gradient
  }

  /// For Adam.
  public init(_ family: Family, _ alignment: Alignment) {
    let (i, h, o): ((Double, Double), (Double, Double), (Double, Double))
    switch family {
    case .standard: (i, h, o, gradient) = ((0, 0), (0, 0.5), (0, 0.5), (0.5, 0.5, 0))
    case .neuralTangent: (i, h, o, gradient) = ((0, 0), (0.5, 0), (0.5, 0), (0.5, 1, 0.5))
    case .maximalUpdate: (i, h, o, gradient) = ((-0.5, 0.5), (0, 0.5), (0.5, 0.5), (0.5, 1, 0.5))
    case .meanField: (i, h, o, gradient) = ((0, 0), (0.5, 0), (1, 0), (1, 1.5, 1))
    }
    let sum = alignment == .full ? 1 : 0.5
    input = WidthExponents(a: i.0, b: i.1, c: -i.0)
    hidden = WidthExponents(a: h.0, b: h.1, c: sum - h.0)
    output = WidthExponents(a: o.0, b: o.1, c: sum - o.0)
  }
}
