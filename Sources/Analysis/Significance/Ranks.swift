/// Ranks from 1, the smallest value first; equal values share the mean of their ranks, and NaN comes last.
///
/// - Parameter decimals: values that are equal after rounding to so many decimals are ties; nil compares them exactly.
public func meanRanks(_ values: [Double], decimals: Int? = nil) -> [Double] {
  let values = decimals.map { places in values.map { rounded($0, decimals: places) } } ?? values
  let order = values.indices.sorted { a, b in
    values[a].isNaN ? false : values[b].isNaN ? true : values[a] < values[b]
  }
  var ranks = [Double](repeating: 0, count: values.count)
  var first = 0
  while first < order.count {
    var end = first + 1
    while end < order.count,
      values[order[end]] == values[order[first]] || (values[order[end]].isNaN && values[order[first]].isNaN)
    {
      end += 1
    }
    for i in first..<end { ranks[order[i]] = Double(first + end + 1) / 2 }
    first = end
  }
  return ranks
}

/// The number nearest to `value` with so many decimals, halves going to the even one. Values too large to have
/// decimals stay as they are.
public func rounded(_ value: Double, decimals: Int) -> Double {
  var scale = 1.0
  for _ in 0..<max(decimals, 0) { scale *= 10 }
  let scaled = value * scale
  return abs(scaled) < 0x1p52 ? scaled.rounded(.toNearestOrEven) / scale : value
}

/// The ranks of the methods within every task.
///
/// - Parameters:
///   - values: `[task][method]`, smaller is better; the mean over seeds where a task was run several times, since the
///     seeds of one task are not independent blocks. NaN is worse than any number.
///   - decimals: values that are equal after rounding to so many decimals are ties; nil compares them exactly.
/// - Returns: `[task][method]`.
public func rankTable(_ values: [[Double]], decimals: Int? = 8) throws(AnalysisError) -> [[Double]] {
  _ = try commonCount(values, rows: "task", elements: "methods")
  return values.map { meanRanks($0, decimals: decimals) }
}

/// The mean rank of each method over the tasks; parameters as in ``rankTable(_:decimals:)``.
public func averageRanks(_ values: [[Double]], decimals: Int? = 8) throws(AnalysisError) -> [Double] {
  columnMeans(try rankTable(values, decimals: decimals))
}

/// The mean of each column of a rectangular table.
func columnMeans(_ table: [[Double]]) -> [Double] {
  guard var sums = table.first else { return [] }
  for row in table.dropFirst() {
    for i in sums.indices { sums[i] += row[i] }
  }
  return sums.map { $0 / Double(table.count) }
}

/// The mean over seeds.
///
/// - Parameter values: `[task][method][seed]`.
/// - Returns: `[task][method]`; NaN where a method has no seed or a seed is NaN.
public func seedMeans(_ values: [[[Double]]]) -> [[Double]] {
  values.map { task in task.map { mean($0) } }
}
