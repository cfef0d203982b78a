import TrimtabStudies

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Reads a summary of the weights in a trial's checkpoint folder.
enum CheckpointWeights {
  /// The numbers of one tensor that are read; of larger ones a part.
  static let valueLimit = 1 << 20

  /// - Returns: nil when the folder has no file of weights.
  /// - Throws: `TensorFileError`, beginning with the file's name.
  static func summary(of folder: String) throws(TensorFileError) -> WeightSummary? {
    let names = files(in: folder)
    guard let name = names.first(where: { !$0.hasPrefix("initial.") }) else { return nil }
    let weights = try open(name, in: folder)
    let initial = try names.first { $0.hasPrefix("initial.") }.map { name throws(TensorFileError) in
      try open(name, in: folder)
    }
    do {
      return try summary(weights, initial)
    } catch {
      throw TensorFileError("\(name): \(error)")
    }
  }

  private static func open(_ name: String, in folder: String) throws(TensorFileError) -> TensorFile {
    do {
      return try TensorFile(folder + "/" + name)
    } catch {
      throw TensorFileError("\(name): \(error)")
    }
  }

  static func summary(_ weights: TensorFile, _ initial: TensorFile?) throws(TensorFileError) -> WeightSummary {
    let largest = weights.tensors.sorted { ($1.count, $0.name) < ($0.count, $1.name) }.prefix(WeightSummary.layerLimit)
    var layers: [WeightSummary.Layer] = []
    for tensor in largest.sorted(by: { $0.name < $1.name }) {
      let values = try weights.values(of: tensor, atMost: valueLimit)
      let columns = columns(tensor)
      var numbers = WeightSummary.statistics(values, columns: columns)
      var change = [Double](repeating: 0, count: WeightSummary.statistics)
      if let first = initial?.tensors.first(where: { $0.name == tensor.name && $0.shape == tensor.shape }) {
        let before = try initial?.values(of: first, atMost: valueLimit) ?? []
        change = WeightSummary.statistics(zip(values, before).map { $0 - $1 }, columns: columns)
      }
      numbers += change
      layers.append(WeightSummary.Layer(name: tensor.name, numbers: numbers))
    }
    return WeightSummary(layers: layers)
  }

  /// The length of a row of the matrix that a tensor is, the first dimension being that of the rows.
  private static func columns(_ tensor: TensorFile.Tensor) -> Int? {
    guard tensor.shape.count >= 2, tensor.count > 0, tensor.count <= valueLimit else { return nil }
    return tensor.count / tensor.shape[0]
  }

  /// The files of weights in a folder, safetensors first, in the order of their names.
  private static func files(in folder: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if !name.hasPrefix("."), name.hasSuffix(".safetensors") || name.hasSuffix(".npz") { names.append(name) }
    }
    return names.sorted { ($0.hasSuffix(".npz") ? 1 : 0, $0) < ($1.hasSuffix(".npz") ? 1 : 0, $1) }
  }
}
