/// SAASBO: a Gaussian process that believes most parameters to have no effect, and averages over what its kernel may be.
///
/// Source: Eriksson & Jankowiak, "High-dimensional Bayesian optimization with sparse axis-aligned subspaces", UAI 2021, arXiv
/// 2103.00349. Everything but the kernel's prior and the draws from its posterior is `gp`'s; see `SparsePosterior`.
extension GaussianProcessSampler {
  /// What the catalogue says of SAASBO.
  public static let sparseEntry = CatalogueEntry(
    role: .sampler, name: "saasbo", title: "Sparse axis-aligned subspaces (SAASBO)",
    summary: "A Gaussian process for dozens of parameters of which few matter, and trials that take many minutes.",
    paper: .init(
      authors: "D. Eriksson, M. Jankowiak",
      title: "High-dimensional Bayesian optimization with sparse axis-aligned subspaces", year: 2021,
      venue: "UAI, arXiv 2103.00349"),
    takes: Set(CatalogueEntry.Ability.allCases).subtracting([.objectives]), needsFidelity: false,
    options: [
      StartupDesign.option, warmupOption, confidenceOption, SearchOption.candidates(1024), SearchOption.starts(8),
    ])
}
