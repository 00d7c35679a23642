"""Word problems: difficulty 4 takes two steps, difficulty 5 three or four.

The words in a question (names, things) are drawn beside its numbers and do not change the exercise.
Pools that can meet in one question share no word, and a count is never one, so no plural is wrong.
"""

from __future__ import annotations

from wordle_rl.envs.math_templates import Template

NAMES = ("Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Grace", "Hugo")
OTHER_NAMES = ("Iris", "Jon", "Kira", "Leo", "Mia", "Noah", "Olga", "Paul")
SMALL_THINGS = ("pens", "stickers", "marbles", "postcards", "buttons", "stamps")
FOODS = ("apples", "pears", "lemons", "plums", "peaches", "onions")
BIG_THINGS = ("a coat", "a lamp", "a chair", "a bag", "a clock", "a tent")
RIDERS = ("A cyclist", "A bus", "A boat", "A tram")
VEHICLES = ("A train", "A van", "A truck", "A car")

TWO_STEPS = (
    Template(
        name="unit-price",
        difficulty=4,
        numbers={"count": (2, 12), "price": (2, 15), "wanted": (2, 20)},
        words={"food": FOODS},
        shows={"total": "count*price"},
        question="{count} {food} cost ${total}. "
        "How many dollars do {wanted} {food} cost at the same price?",
        answer="total/count*wanted",
    ),
    Template(
        name="change",
        difficulty=4,
        numbers={"count": (2, 12), "price": (2, 15), "back": (1, 60)},
        words={"name": NAMES, "thing": SMALL_THINGS},
        shows={"paid": "count*price+back"},
        question="{name} buys {count} {thing} at ${price} each and pays with ${paid}. "
        "How many dollars does {name} get back?",
        answer="paid-count*price",
    ),
    Template(
        name="distance",
        difficulty=4,
        numbers={"speed": (20, 90), "hours": (2, 9), "more": (2, 60)},
        words={"vehicle": VEHICLES},
        question="{vehicle} goes {speed} km an hour for {hours} hours, and then {more} km more. "
        "How many km is that in all?",
        answer="speed*hours+more",
    ),
    Template(
        name="travel-time",
        difficulty=4,
        numbers={"speed": (5, 40), "hours": (2, 9), "later": (2, 9)},
        words={"rider": RIDERS},
        shows={"km": "speed*hours", "far": "speed*later"},
        question="{rider} needs {hours} hours for {km} km. "
        "How many hours does it need for {far} km at the same speed?",
        answer="far/(km/hours)",
    ),
    Template(
        name="left-over",
        difficulty=4,
        numbers={"boxes": (2, 12), "each": (3, 20), "given": (2, 90)},
        words={"name": NAMES, "thing": SMALL_THINGS},
        question="{name} has {boxes} boxes with {each} {thing} in each, and gives {given} {thing} "
        "away. How many {thing} are left?",
        answer="boxes*each-given",
        positive=("boxes*each-given",),
    ),
    Template(
        name="fair-share",
        difficulty=4,
        numbers={"first": (2, 60), "friends": (2, 9), "share": (2, 20)},
        words={"name": NAMES, "other": OTHER_NAMES, "food": FOODS},
        shows={"second": "friends*share-first"},
        question="{name} picks {first} {food} and {other} picks {second}. "
        "They share them equally among {friends} friends. How many {food} does each friend get?",
        answer="(first+second)/friends",
        positive=("second-1",),
    ),
    Template(
        name="filling",
        difficulty=4,
        numbers={"start": (5, 90), "rate": (2, 15), "minutes": (2, 30)},
        shows={"full": "start+rate*minutes"},
        question="A tank holds {full} litres and has {start} litres in it. A tap adds {rate} "
        "litres a minute. After how many minutes is the tank full?",
        answer="(full-start)/rate",
    ),
    Template(
        name="wages",
        difficulty=4,
        numbers={"wage": (8, 30), "hours": (2, 9), "days": (2, 12)},
        words={"name": NAMES},
        question="{name} earns ${wage} an hour and works {hours} hours a day. "
        "How many dollars does {name} earn in {days} days?",
        answer="wage*hours*days",
    ),
    Template(
        name="times-as-many",
        difficulty=4,
        numbers={"first": (3, 150), "times": (2, 12)},
        words={"name": NAMES, "other": OTHER_NAMES, "thing": SMALL_THINGS},
        question="{name} has {first} {thing}. {other} has {times} times as many. "
        "How many {thing} do they have together?",
        answer="first+first*times",
    ),
    Template(
        name="sale",
        difficulty=4,
        numbers={"k": (1, 18), "m": (2, 100)},
        words={"big": BIG_THINGS},
        shows={"percent": "5*k", "price": "4*m"},
        question="The price of {big} is ${price}. In a sale it is {percent}% lower. "
        "How many dollars is it in the sale?",
        answer="price-price*percent/100",
    ),
    Template(
        name="pages",
        difficulty=4,
        numbers={"daily": (5, 40), "days": (2, 14), "left": (2, 90)},
        words={"name": NAMES},
        shows={"pages": "daily*days+left"},
        question="A book has {pages} pages. {name} reads {daily} pages a day for {days} days. "
        "How many pages are left to read?",
        answer="pages-daily*days",
        held_out=True,
    ),
    Template(
        name="meeting",
        difficulty=4,
        numbers={"first": (20, 90), "second": (20, 90), "hours": (2, 9)},
        shows={"apart": "(first+second)*hours"},
        question="Two cars are {apart} km apart and drive towards each other, one at {first} km "
        "an hour, the other at {second} km an hour. After how many hours do they meet?",
        answer="apart/(first+second)",
        held_out=True,
    ),
    Template(
        name="average",
        difficulty=4,
        numbers={"first": (1, 60), "second": (1, 60), "third": (1, 60)},
        words={"name": NAMES},
        question="{name} scores {first}, {second} and {third} points in three games. "
        "What is the average of the three scores?",
        answer="(first+second+third)/3",
        held_out=True,
    ),
)

MORE_STEPS = (
    Template(
        name="shopping",
        difficulty=5,
        numbers={"few": (2, 9), "cheap": (2, 9), "many": (2, 9), "dear": (2, 12), "back": (1, 40)},
        words={"name": NAMES, "thing": SMALL_THINGS, "food": FOODS},
        shows={"paid": "few*cheap+many*dear+back"},
        question="{name} buys {few} {thing} at ${cheap} each and {many} {food} at ${dear} each, "
        "and pays with ${paid}. How many dollars does {name} get back?",
        answer="paid-(few*cheap+many*dear)",
    ),
    Template(
        name="profit",
        difficulty=5,
        numbers={"crates": (2, 12), "each": (5, 30), "cost": (5, 60), "price": (2, 9)},
        words={"name": NAMES, "food": FOODS},
        question="{name} buys {crates} crates of {food} for ${cost} a crate. Each crate holds "
        "{each} {food}. {name} sells all of the {food} for ${price} each. "
        "How many dollars is the profit?",
        answer="crates*each*price-crates*cost",
        positive=("each*price-cost",),
    ),
    Template(
        name="two-legs",
        difficulty=5,
        numbers={
            "fast": (40, 90),
            "early": (2, 6),
            "slow": (20, 60),
            "late": (2, 6),
            "km": (5, 90),
        },
        words={"vehicle": VEHICLES},
        shows={"trip": "fast*early+slow*late+km"},
        question="{vehicle} goes {fast} km an hour for {early} hours and then {slow} km an hour "
        "for {late} hours. The whole trip is {trip} km. How many km are left?",
        answer="trip-fast*early-slow*late",
    ),
    Template(
        name="savings",
        difficulty=5,
        numbers={"weekly": (5, 40), "weeks": (3, 20), "people": (2, 6), "share": (2, 60)},
        words={"name": NAMES, "big": BIG_THINGS},
        shows={"spent": "weekly*weeks-people*share"},
        question="{name} saves ${weekly} a week for {weeks} weeks, buys {big} for ${spent}, and "
        "divides the rest equally among {people} people. How many dollars does each person get?",
        answer="(weekly*weeks-spent)/people",
        positive=("spent",),
    ),
    Template(
        name="percent-and-lunch",
        difficulty=5,
        numbers={"k": (1, 16), "m": (2, 40), "lunch": (2, 30)},
        words={"name": NAMES, "big": BIG_THINGS},
        shows={"percent": "5*k", "money": "20*m"},
        question="{name} has ${money}, spends {percent}% of it on {big} and then ${lunch} on "
        "lunch. How many dollars are left?",
        answer="money-money*percent/100-lunch",
        positive=("money-money*percent/100-lunch",),
    ),
    Template(
        name="bakery",
        difficulty=5,
        numbers={
            "trays": (2, 12),
            "each": (6, 24),
            "boxes": (2, 30),
            "size": (2, 8),
            "price": (2, 15),
        },
        words={"name": NAMES},
        shows={"burnt": "trays*each-boxes*size"},
        question="{name} bakes {trays} trays of {each} cakes. {burnt} cakes are burnt. The others "
        "are packed in boxes of {size}, and each box is sold for ${price}. "
        "How many dollars does {name} take in?",
        answer="(trays*each-burnt)/size*price",
        positive=("burnt-1", "trays*each-2*burnt"),
    ),
    Template(
        name="pump-and-leak",
        difficulty=5,
        numbers={
            "start": (20, 200),
            "gain": (5, 30),
            "loss": (2, 12),
            "minutes": (2, 20),
            "out": (2, 90),
        },
        question="A tank has {start} litres in it. A pump adds {gain} litres a minute, and a leak "
        "loses {loss} litres a minute. After {minutes} minutes {out} litres are drawn off. "
        "How many litres are in the tank then?",
        answer="start+(gain-loss)*minutes-out",
        positive=("gain-loss", "start+(gain-loss)*minutes-out"),
    ),
    Template(
        name="tickets",
        difficulty=5,
        numbers={"adults": (2, 9), "price": (4, 30), "children": (2, 9), "voucher": (2, 30)},
        question="A ticket is ${price} for an adult and half of that for a child. {adults} adults "
        "and {children} children go in, with a voucher that takes ${voucher} off the total. "
        "How many dollars do they pay?",
        answer="adults*price+children*price/2-voucher",
        positive=("adults*price-voucher",),
    ),
    Template(
        name="average-speed",
        difficulty=5,
        numbers={"fast": (40, 90), "early": (2, 6), "slow": (20, 60), "late": (2, 6)},
        words={"vehicle": VEHICLES},
        question="{vehicle} goes {fast} km an hour for {early} hours and then {slow} km an hour "
        "for {late} hours. What is its average speed in km an hour?",
        answer="(fast*early+slow*late)/(early+late)",
        held_out=True,
    ),
    Template(
        name="ages",
        difficulty=5,
        numbers={"age": (3, 30), "older": (2, 20), "times": (2, 4)},
        words={"name": NAMES, "other": OTHER_NAMES},
        shows={"sum": "age+(age+older)+times*age"},
        question="{name} is {older} years older than {other}. Their aunt is {times} times as old "
        "as {other}. The three ages add up to {sum}. How old is {other}?",
        answer="(sum-older)/(times+2)",
        held_out=True,
    ),
    Template(
        name="painters",
        difficulty=5,
        numbers={"few": (2, 9), "days": (2, 9), "each": (1, 5), "many": (2, 12), "later": (2, 9)},
        shows={"fences": "few*days*each"},
        question="{few} workers paint {fences} fences in {days} days. "
        "How many fences do {many} workers paint in {later} days at the same rate?",
        answer="fences/(few*days)*many*later",
        held_out=True,
    ),
)

WORD_PROBLEMS = (*TWO_STEPS, *MORE_STEPS)
"""Every template of difficulty 4 and 5."""
