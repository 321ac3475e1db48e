//! Neutral words for randomized names: none of them hints at a role or at a fault.

/// Words that may appear in the name of a namespace, a workload, a registry or an image.
pub const WORDS: &[&str] = &[
    "alder", "almond", "amber", "apricot", "aspen", "auburn", "basil", "bayou", "beech", "birch", "briar",
    "brook", "cedar", "cherry", "clover", "cobalt", "copper", "coral", "cypress", "dahlia", "damson",
    "delta", "dune", "elder", "elm", "fennel", "fern", "fjord", "flint", "garnet", "ginger", "glade",
    "hazel", "heron", "indigo", "iris", "ivory", "jade", "jasper", "juniper", "kestrel", "larch", "laurel",
    "lichen", "linden", "lotus", "maple", "marble", "meadow", "moss", "myrtle", "nettle", "nutmeg", "olive",
    "onyx", "opal", "orchid", "osprey", "pebble", "pepper", "plover", "poplar", "quartz", "quince", "raven",
    "reed", "robin", "rowan", "saffron", "sage", "sorrel", "spruce", "sumac", "tansy", "teal", "thistle",
    "thyme", "topaz", "tundra", "umber", "violet", "walnut", "willow", "wren", "yarrow", "zinnia",
];
