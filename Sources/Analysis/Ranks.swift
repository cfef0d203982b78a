/// Ranks from 1, the smallest value first; equal values share the mean of their ranks, and NaN comes last.
public func meanRanks(_ values: [Double]) -> [Double] {
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
