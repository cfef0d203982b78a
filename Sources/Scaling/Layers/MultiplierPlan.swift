/// How a model's layers change with its size.
public enum Parameterisation: Sendable, Equatable {
  /// Initialisation by the fan-in, one learning rate for all layers.
  case standard
  /// Exponents by Everett and others.
  case aligned(AlignmentExponents.Family, AlignmentExponents.Alignment)
  /// muP in its relative form: Yang, Hu and others, arXiv 2203.03466, 2022.
  case maximalUpdate
  /// muP with residual branches by L^−α and rates by L^(α−1): α = 1/2 is depth-muP (Bordelon and others, arXiv 2309.16620;
  /// Yang and others, arXiv 2310.02244), α = 1 CompleteP (Dey and others, arXiv 2505.01618).
  case depth(alpha: Double)
  /// Blake and others, arXiv 2407.17465, 2024: absolute, without a base model.
  case unitScaled

  public static let completeP = Parameterisation.depth(alpha: 1)
  public static let depthMaximalUpdate = Parameterisation.depth(alpha: 0.5)
}

public enum LayerOptimizer: String, Sendable, CaseIterable { case sgd, adam, adamw, adafactor, muon }

/// How an implementation of Muon scales its orthogonal updates.
public enum MuonScaling: String, Sendable, CaseIterable {
  /// √max(1, rows/cols): the rate stays.
  case spectral
  /// 0.2·√max(rows, cols), so that updates are as large as AdamW's: the rate falls as 1/√m.
  case matched
  /// AdamW's muP table: the rate falls as 1/m (Shah and others, arXiv 2505.02222, 2025).
  case table

  /// What the rate of hidden matrices is multiplied by at m times the width.
  public func rate(_ ratio: Double) -> Double {
    switch self {
    case .spectral: 1
    case .matched: 1 / ratio.squareRoot()
    case .table: 1 / ratio
    }
  }

  /// What an update of this shape is multiplied by.
  public func shapeFactor(rows: Double, columns: Double) -> Double {
    switch self {
    case .spectral: max(1, rows / columns).squareRoot()
    case .matched: 0.2 * max(rows, columns).squareRoot()
    case .table: 1
    }
  }
}

/// How weight decay (multiplied by the rate, as in PyTorch) follows the width.
public enum DecayRule: String, Sendable, CaseIterable {
  /// λ stays: rate × decay falls with the width.
  case constant
  /// λ ∝ √m: Fan and others, arXiv 2510.15262, 2025. Vectors and embeddings have none.
  case sqrt
  /// λ ∝ m: rate × decay stays.
  case linear
  /// For optimisers that do not multiply the decay by the rate: it stays.
  case independent
}

/// What is asked of ``MultiplierTable``.
public struct MultiplierPlan: Sendable, Equatable {
  public var parameterisation: Parameterisation
  public var optimizer: LayerOptimizer
  public var base: ModelShape
  public var target: ModelShape
  /// Needed with Muon.
  public var muonScaling: MuonScaling?
  /// nil for the usual one of the parameterisation.
  public var decayRule: DecayRule?
  /// Whether Adafactor multiplies its step by the parameters' scale.
  public var scalesByParameter = true
  /// Whether the factor of ε holds for all tensors instead of those in the residual blocks (CompleteP's code does so).
  public var scalesEveryEpsilon = false
  /// Target over base, of CompleteP only (Mlodozeniec and others, arXiv 2512.22382, 2025).
  public var batchRatio: Double?
  public var tokenRatio: Double?

  public init(
    _ parameterisation: Parameterisation, _ optimizer: LayerOptimizer, from base: ModelShape, to target: ModelShape
  ) {
    self.parameterisation = parameterisation
    self.optimizer = optimizer
    self.base = base
    self.target = target
  }
}
