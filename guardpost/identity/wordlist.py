"""256 words that are hard to mishear: a byte each, for reading a key out over a telephone.

No two begin with the same three letters or differ in one letter only. The order
is part of what people compare: a word here never changes its place.
"""

__all__ = ["WORDS"]

_TEXT = """
acorn actor album amber angel ankle apple apron arena armor arrow atlas attic audio bacon badge
baker bamboo banjo basin bench bike blanket board bonus boots bridge broom brush bubble bucket
bugle bull bunny button cabin cactus camel candle carpet castle cedar chalk cherry circus clay
cliff clock coach coffee comet copper coral cotton cousin crayon cricket crown crystal cup dance
desert diary dinner doctor dolphin donkey door dragon dream drum duck dust eagle earth easel
echo editor elbow elephant empty energy engine ferry fiddle field fish flag flute foam forest
fossil fox frog fruit fuel galaxy garden ghost giant ginger glove goat gold grape guitar habit
hammer harbor hat hawk helmet hero hill honey hotel husky igloo index iron island ivory jacket
jam jelly jewel judge juice jungle kayak ketchup king kitten koala ladder lagoon lake lamp
laptop lava leaf lemon library lion lobster logic lunch magic mango marble mask meadow melon
metal milk mirror moon motor mouse movie muffin music napkin needle nest ninja north oak ocean
office olive onion opera orbit otter owl panda paper parrot peach pencil piano pilot pizza
planet plum poem poker potato powder pretzel pumpkin puppet puzzle queen quilt rabbit radio raft
ranch ribbon river robot rocket rope ruby saddle satin scooter shark shoe silver sister skate
sled snake sofa spider spoon squid stamp sugar summer sunset swan table target tennis thumb
tiger toast tomato tractor trumpet tulip tunnel turtle umbrella uncle valley vanilla velvet
video violin volcano wagon walnut water window wizard wolf yacht yellow yogurt zebra zipper
"""

WORDS = tuple(_TEXT.split())
