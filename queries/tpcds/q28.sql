--! title = "List prices of store sales in six quantity bands"
--! question = "For six bands of quantity, each narrowed by a range of list price, coupon or wholesale cost, what is the average list price, how many are there and how many differ?"
--! param.COUPONAMT = { default = [459, 2323, 12214, 6071, 836, 7326], count = 6, int = [0, 18000] }
--! param.LISTPRICE = { default = [8, 90, 142, 135, 122, 154], count = 6, int = [0, 190] }
--! param.WHOLESALECOST = { default = [57, 31, 79, 38, 17, 7], count = 6, int = [0, 80] }

select *
from (
    select
        avg(ss_list_price) as b1_lp,
        count(ss_list_price) as b1_cnt,
        count(distinct ss_list_price) as b1_cntd
    from store_sales
    where ss_quantity between 0 and 5
        and (
            ss_list_price between {LISTPRICE.1} and {LISTPRICE.1} + 10
            or ss_coupon_amt between {COUPONAMT.1} and {COUPONAMT.1} + 1000
            or ss_wholesale_cost between {WHOLESALECOST.1} and {WHOLESALECOST.1} + 20
        )
) as b1
cross join (
    select
        avg(ss_list_price) as b2_lp,
        count(ss_list_price) as b2_cnt,
        count(distinct ss_list_price) as b2_cntd
    from store_sales
    where ss_quantity between 6 and 10
        and (
            ss_list_price between {LISTPRICE.2} and {LISTPRICE.2} + 10
            or ss_coupon_amt between {COUPONAMT.2} and {COUPONAMT.2} + 1000
            or ss_wholesale_cost between {WHOLESALECOST.2} and {WHOLESALECOST.2} + 20
        )
) as b2
cross join (
    select
        avg(ss_list_price) as b3_lp,
        count(ss_list_price) as b3_cnt,
        count(distinct ss_list_price) as b3_cntd
    from store_sales
    where ss_quantity between 11 and 15
        and (
            ss_list_price between {LISTPRICE.3} and {LISTPRICE.3} + 10
            or ss_coupon_amt between {COUPONAMT.3} and {COUPONAMT.3} + 1000
            or ss_wholesale_cost between {WHOLESALECOST.3} and {WHOLESALECOST.3} + 20
        )
) as b3
cross join (
    select
        avg(ss_list_price) as b4_lp,
        count(ss_list_price) as b4_cnt,
        count(distinct ss_list_price) as b4_cntd
    from store_sales
    where ss_quantity between 16 and 20
        and (
            ss_list_price between {LISTPRICE.4} and {LISTPRICE.4} + 10
            or ss_coupon_amt between {COUPONAMT.4} and {COUPONAMT.4} + 1000
            or ss_wholesale_cost between {WHOLESALECOST.4} and {WHOLESALECOST.4} + 20
        )
) as b4
cross join (
    select
        avg(ss_list_price) as b5_lp,
        count(ss_list_price) as b5_cnt,
        count(distinct ss_list_price) as b5_cntd
    from store_sales
    where ss_quantity between 21 and 25
        and (
            ss_list_price between {LISTPRICE.5} and {LISTPRICE.5} + 10
            or ss_coupon_amt between {COUPONAMT.5} and {COUPONAMT.5} + 1000
            or ss_wholesale_cost between {WHOLESALECOST.5} and {WHOLESALECOST.5} + 20
        )
) as b5
cross join (
    select
        avg(ss_list_price) as b6_lp,
        count(ss_list_price) as b6_cnt,
        count(distinct ss_list_price) as b6_cntd
    from store_sales
    where ss_quantity between 26 and 30
        and (
            ss_list_price between {LISTPRICE.6} and {LISTPRICE.6} + 10
            or ss_coupon_amt between {COUPONAMT.6} and {COUPONAMT.6} + 1000
            or ss_wholesale_cost between {WHOLESALECOST.6} and {WHOLESALECOST.6} + 20
        )
) as b6
limit 100
