--! title = "Averages by quantity, chosen by the number of sales"
--! question = "What is, for five ranges of quantity sold, the average of one amount where the range has many sales and of another where it has few?"
--! param.AGGCELSE.default = "ss_net_paid"
--! param.AGGCELSE.sql = ["ss_net_paid", "ss_net_paid_inc_tax", "ss_net_profit"]
--! param.AGGCTHEN.default = "ss_ext_discount_amt"
--! param.AGGCTHEN.sql = [
--!     "ss_ext_discount_amt", "ss_ext_sales_price", "ss_ext_list_price", "ss_ext_tax",
--! ]
--! # scale dependent: the upper bound is a fifth of the rows of store_sales (2880404 at scale factor 1)
--! param.RC = { default = [74129, 122840, 56580, 10097, 165306], count = 5, int = [1, 576080] }

select
    case
        when (select count(*) from store_sales where ss_quantity between 1 and 20) > {RC.1}
            then (select avg({AGGCTHEN}) from store_sales where ss_quantity between 1 and 20)
        else (select avg({AGGCELSE}) from store_sales where ss_quantity between 1 and 20)
    end as bucket1,
    case
        when (select count(*) from store_sales where ss_quantity between 21 and 40) > {RC.2}
            then (select avg({AGGCTHEN}) from store_sales where ss_quantity between 21 and 40)
        else (select avg({AGGCELSE}) from store_sales where ss_quantity between 21 and 40)
    end as bucket2,
    case
        when (select count(*) from store_sales where ss_quantity between 41 and 60) > {RC.3}
            then (select avg({AGGCTHEN}) from store_sales where ss_quantity between 41 and 60)
        else (select avg({AGGCELSE}) from store_sales where ss_quantity between 41 and 60)
    end as bucket3,
    case
        when (select count(*) from store_sales where ss_quantity between 61 and 80) > {RC.4}
            then (select avg({AGGCTHEN}) from store_sales where ss_quantity between 61 and 80)
        else (select avg({AGGCELSE}) from store_sales where ss_quantity between 61 and 80)
    end as bucket4,
    case
        when (select count(*) from store_sales where ss_quantity between 81 and 100) > {RC.5}
            then (select avg({AGGCTHEN}) from store_sales where ss_quantity between 81 and 100)
        else (select avg({AGGCELSE}) from store_sales where ss_quantity between 81 and 100)
    end as bucket5
-- reason is there for its one row only
from reason
where r_reason_sk = 1
